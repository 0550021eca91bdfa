/**
 * why-tree.tsx – The filter as a tree: what each part says, whether it holds, and what was seen.
 */
import { Check, Filter, X } from 'lucide-react';
import { Link } from 'wouter';
import { recordAddress } from '../../parts/record-names.ts';
import { nearDayText, spanText } from '../../parts/spans.ts';
import { lookOf } from '../../parts/type-look.ts';
import { valueText } from '../../parts/values.tsx';
import { dayTimeText, numberText } from '../../parts/words.ts';
import type {
  ExplainedPartShown,
  ExplanationShown,
  RelatedRecordShown,
  TypeShown,
} from '../../server/answers.ts';
import { subjectOfRule } from './subject-of-rule.ts';
import { atPointer, windowAxis } from './window-axis.ts';
import { WindowLine } from './window-line.tsx';

export interface WhyContext {
  readonly objectType: string;
  readonly types: readonly TypeShown[];
  /** The filter that was explained; undefined while an edit of it is built. */
  readonly query: unknown;
  readonly asOfMs: number;
  /** When the clock alone changes the verdict, and to what. */
  readonly next: ExplanationShown['next'];
}

interface WhyPartProps {
  readonly part: ExplainedPartShown;
  readonly context: WhyContext;
  readonly isRest?: boolean;
}

const RELATED_MAX = 6;

export function WhyTree({
  tree,
  context,
}: {
  readonly tree: ExplainedPartShown;
  readonly context: WhyContext;
}) {
  return (
    <ol className="why-tree">
      <WhyPart part={tree} context={context} />
    </ol>
  );
}

function WhyPart({ part, context, isRest = false }: WhyPartProps) {
  const { passed, children = [], related = [], combinator } = part;
  const axis = windowAxis(part, context.query, context.asOfMs);
  const isSettled = combinator === 'or' && part.not !== true && passed;
  return (
    <li>
      <div className="why-part" data-passed={passed}>
        <span className={`why-sign${passed ? ' is-passed' : ''}`}>
          {passed ? <Check aria-hidden="true" /> : <X aria-hidden="true" />}
          <span className="unseen">{passed ? 'Holds: ' : 'Does not hold: '}</span>
        </span>
        <div className="why-text">
          <Condition part={part} context={context} />
          <Seen part={part} isRest={isRest} />
          {axis ? (
            <WindowLine axis={axis} types={context.types} flipWord={flipWord(part, context)} />
          ) : null}
          <RelatedRecords part={part} related={related} types={context.types} />
        </div>
      </div>
      {children.length === 0 ? null : (
        <ol>
          {children.map((child) => (
            <WhyPart
              key={child.path}
              part={child}
              context={context}
              isRest={isSettled && !child.passed}
            />
          ))}
        </ol>
      )}
    </li>
  );
}

/** A part may change without the verdict. */
function flipWord({ flips_at, passed }: ExplainedPartShown, { next }: WhyContext): string {
  if (next?.at && next.at === flips_at) return next.member ? 'Joins' : 'Leaves';
  return passed ? 'Ends' : 'Begins';
}

/** "has at least …" after a tag: only verbs, since names may begin with a capital letter. */
function afterTag(words: string): string {
  return words.replace(/^(?:Has|Is|Have|Are)\b/, (verb) => verb.toLowerCase());
}

function Condition({ part, context }: WhyPartProps) {
  const { kind, words, path } = part;
  const { query, objectType, types } = context;
  if (kind === 'group') return <p className="why-condition is-group">{words}</p>;
  const subject = subjectOfRule(atPointer(query, path), words, objectType, types);
  if (subject) {
    const { Icon, hue } = lookOf(subject.type);
    return (
      <p className="why-condition">
        <span className={`tag ${hue}`}>
          <Icon className="icon" aria-hidden="true" />
          {subject.text}
        </span>{' '}
        {afterTag(subject.rest)}
      </p>
    );
  }
  return (
    <p className="why-condition">
      {kind === 'segment' ? (
        <span className="tag hue-plum">
          <Filter className="icon" aria-hidden="true" />
          Segment
        </span>
      ) : null}{' '}
      {kind === 'segment' ? afterTag(words) : words}
    </p>
  );
}

function Seen({ part, isRest }: { readonly part: ExplainedPartShown; readonly isRest: boolean }) {
  const text = seenText(part);
  const note = noteOn(part);
  if (text === '' && !isRest) return null;
  return (
    <p className="why-seen">
      {text === '' ? null : <b>{text}</b>}
      {note === '' ? null : `. ${note}`}
      {isRest ? `${text === '' ? '' : '. '}Not needed: another one holds.` : null}
    </p>
  );
}

/** What was looked at. Of a moment against a window it is enough to say how long ago. */
function seenText({ kind, seen, expected, seen_words: words = '' }: ExplainedPartShown): string {
  if (kind === 'group') return '';
  const isWindow = typeof expected === 'object' && expected !== null && !Array.isArray(expected);
  const ms = typeof seen === 'string' && isWindow ? Date.parse(seen) : Number.NaN;
  if (kind === 'rule' && !Number.isNaN(ms) && ms < Date.now())
    return `${dayTimeText(ms)}, which is ${spanText(Date.now() - ms)} ago`;
  if (kind === 'json_logic' && words === '' && typeof seen === 'object' && seen !== null)
    return Object.entries(seen)
      .map(([name, value]) => `${name} is ${valueText(value) || 'nothing'}`)
      .join(', ');
  return words;
}

/** Whether it is near its edge: that is what people ask next. */
function noteOn({ kind, passed, expected, matching }: ExplainedPartShown): string {
  if (kind !== 'match' || typeof matching !== 'number') return '';
  const { mode, threshold } = (expected ?? {}) as { mode?: unknown; threshold?: unknown };
  if (mode !== 'atLeast' || typeof threshold !== 'number' || threshold < 1) return '';
  if (passed && matching === threshold) return 'That is just enough: without any one it fails';
  const missing = threshold - matching;
  return passed ? '' : `${numberText(missing)} more ${missing === 1 ? 'is' : 'are'} missing`;
}

interface RelatedRecordsProps {
  readonly part: ExplainedPartShown;
  readonly related: readonly RelatedRecordShown[];
  readonly types: readonly TypeShown[];
}

/** Those that decide it come first; of a rule over a to-one way the one is in the words. */
function RelatedRecords({
  part: { kind, matching, flips_at },
  related,
  types,
}: RelatedRecordsProps) {
  if (related.length === 0 || (kind === 'rule' && matching === undefined)) return null;
  const deciding = related.filter(({ passed }) => passed);
  const shown = (deciding.length > 0 ? deciding : related).slice(0, RELATED_MAX);
  return (
    <ul className="why-related">
      {shown.map((each) => (
        <li
          key={each.id}
          className={each.flips_at !== null && each.flips_at === flips_at ? 'is-next' : ''}
        >
          <RelatedCard related={each} types={types} />
        </li>
      ))}
    </ul>
  );
}

function RelatedCard({
  related,
  types,
}: {
  readonly related: RelatedRecordShown;
  readonly types: readonly TypeShown[];
}) {
  const { object_type, id, title, passed, seen, flips_at } = related;
  const attributes = types.find(({ name }) => name === object_type)?.attributes;
  const [main, ...others] = Object.entries(seen)
    .map(([name, value]) => ({
      isTime: typeof value === 'string' && /^\d{4}-\d\d-\d\d/.test(value),
      text: textOf(value, attributes?.[name]),
    }))
    .sort((a, b) => Number(a.isTime) - Number(b.isTime));
  const until =
    flips_at === null
      ? undefined
      : `${passed ? 'counts' : 'does not count'} until ${nearDayText(flips_at)}`;
  const second = [
    ...others.map(({ text }) => text),
    until ?? (passed ? 'counts' : 'does not count'),
  ];
  return (
    <Link href={recordAddress(object_type, id)}>
      <span className="why-related-head">
        <b>{title}</b>
        <b className="number">{main?.text}</b>
      </span>
      <span className="second">{second.filter((each) => each !== '').join(', ')}</span>
    </Link>
  );
}

function textOf(value: unknown, attribute: Parameters<typeof valueText>[1]): string {
  if (typeof value === 'string' && /^\d{4}-\d\d-\d\dT/.test(value)) return nearDayText(value);
  return valueText(value, attribute);
}
