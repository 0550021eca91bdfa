/**
 * rule-row.tsx – One condition: what it is about, its operator and value, how many records pass it
 * alone, and what can be done with it.
 *
 * Keeps true: it is drawn again only if something about it has changed.
 */
import {
  ArrowDown,
  ArrowUp,
  Clock,
  CopyPlus,
  EyeOff,
  Group,
  Trash2,
  TriangleAlert,
} from 'lucide-react';
import { type ComponentType, type CSSProperties, memo } from 'react';
import type { ObjectType } from '../../../change/object-type.ts';
import { isRelative } from '../../../query/time/relative-time.ts';
import { momentWords, windowWords } from '../../../query/words/moments.ts';
import { type Action, ActionsMenu } from '../../parts/menu.tsx';
import { cellText, numberText, titleText } from '../../parts/words.ts';
import { DateChoice } from './date-choice.tsx';
import { boundsInWords } from './dates.ts';
import { type DraftNode, type DraftRule, groupWithin, isGroup, KEY, newGroup } from './draft.ts';
import { type NodeNotes, useEditing } from './editing.ts';
import { FieldPicker } from './field-picker.tsx';
import {
  attributesFor,
  isOfSegment,
  operatorsFor,
  subjectOfRule,
  withOperator,
  withQuantity,
} from './fields.ts';
import { Grip } from './grip.tsx';
import type { GroupBodyProps } from './group-view.tsx';
import { JointChoice } from './joint-choice.tsx';
import { NumberField, ValueControl } from './value-controls.tsx';

interface RuleRowProps {
  readonly rule: DraftRule;
  readonly type: ObjectType;
  readonly path: string;
  readonly count?: number | null | undefined;
  readonly of?: number | null | undefined;
  /** How many are left after it. */
  readonly left?: number | undefined;
  readonly fault?: string | undefined;
  readonly isUnfinished?: boolean | undefined;
  readonly was?: DraftNode | undefined;
  /** For the group that it asks of related records; nothing, if it asks for none. */
  readonly notes?: NodeNotes | undefined;
  /** Draws that group: given, since groups draw conditions. */
  readonly Body: ComponentType<GroupBodyProps>;
}

export const RuleRow = memo(function RuleRow(props: RuleRowProps) {
  const { rule, type, path, count, of, left, fault, isUnfinished, was, notes, Body } = props;
  const { types, table, timeZone } = useEditing();
  const subject = subjectOfRule(rule, type, types);
  const rows = operatorsFor(rule, subject, table);
  const row = rows.find(({ name }) => name === rule.operator);
  const isWrong = fault !== undefined && !isUnfinished;
  const inner = groupWithin(rule);
  const isMuted = rule.muted === true;
  const note = isMuted ? undefined : boundsInWords(row, rule.value, Date.now(), timeZone);
  const before = was && !isGroup(was) ? changeOf(was, rule) : undefined;
  const isTimed = subject.attribute?.type === 'date' || subject.attribute?.type === 'datetime';
  return (
    <li
      className={`builder-rule${isMuted ? ' is-muted' : ''}${isWrong ? ' is-wrong' : ''}`}
      data-key={rule[KEY]}
      data-path={path}
    >
      <div className="builder-line">
        <Grip path={path} />
        <div className="builder-controls">
          <FieldPicker rule={rule} type={type} path={path} isFaulty={isWrong} />
          <Quantity {...{ rule, type, path, subject }} />
          {rows.length > 0 ? <OperatorChoice {...{ rule, rows, path }} /> : null}
          {rows.length > 0 && row && isOfSegment(rule, table) ? (
            <SegmentChoice rule={rule} path={path} type={subject.type} isFaulty={isWrong} />
          ) : row && rule.field !== '' ? (
            <ValueControl {...{ rule, row, subject, type, path }} isFaulty={isWrong} />
          ) : null}
          {row && isTimed && rule.aggregate === undefined && rule.valueSource !== 'field' ? (
            <DateChoice {...{ rule, rows, row, subject, type, path }} />
          ) : null}
          {rule.caseInsensitive ? <span className="builder-word">in whatever case</span> : null}
          {inner ? (
            <>
              <span className="builder-word">
                {rule.match === undefined ? 'of those for which' : 'of them, for which'}
              </span>
              <JointChoice group={inner[1]} path={`${path}/${inner[0]}`} />
              <span className="builder-word">hold</span>
            </>
          ) : null}
          {before ? <span className="builder-was">was {before}</span> : null}
        </div>
        {isMuted ? (
          <span className="tag">
            <EyeOff className="icon" aria-hidden="true" />
            Switched off
          </span>
        ) : (
          <NodeCount count={count} of={of} left={left} />
        )}
        <NodeActions node={rule} path={path} rule={rule} type={type} />
      </div>
      {inner && notes ? (
        <Body
          group={inner[1]}
          type={subject.type}
          path={`${path}/${inner[0]}`}
          notes={notes}
          hue="related"
        />
      ) : null}
      {note ? (
        <p className="builder-note">
          <Clock className="icon" aria-hidden="true" />
          {note.charAt(0).toUpperCase() + note.slice(1)}. Members join and leave by themselves as
          time passes.
        </p>
      ) : null}
      {fault ? <FaultNote fault={fault} isUnfinished={isUnfinished === true} /> : null}
    </li>
  );
});

export function FaultNote({ fault, isUnfinished }: { fault: string; isUnfinished: boolean }) {
  return (
    <p className={isUnfinished ? 'builder-note is-quiet' : 'builder-note is-wrong'}>
      <TriangleAlert className="icon" aria-hidden="true" />
      {isUnfinished ? `${fault}: the count waits for it.` : fault}
    </p>
  );
}

interface NodeCountProps {
  readonly count: number | null | undefined;
  readonly of: number | null | undefined;
  readonly left: number | undefined;
}

/** How many records pass it by itself; how many are left after it, if that was asked for. */
export function NodeCount({ count, of, left }: NodeCountProps) {
  if (count === undefined || count === null) return <span className="builder-count" />;
  const share = of ? count / of : 0;
  return (
    <span className="builder-count is-live-number">
      <b className="number">{numberText(count)}</b>
      <span className="unseen"> pass this alone</span>
      <span className="builder-share" aria-hidden="true">
        <i style={{ '--share': share } as CSSProperties} />
      </span>
      {left === undefined ? null : (
        <span className="builder-left number">{numberText(left)} left</span>
      )}
    </span>
  );
}

// ——— Operators ———

interface OperatorChoiceProps {
  readonly rule: DraftRule;
  readonly rows: readonly { readonly name: string; readonly words: string }[];
  readonly path: string;
}

function OperatorChoice({ rule, rows, path }: OperatorChoiceProps) {
  const { change, table } = useEditing();
  const isKnown = rows.some(({ name }) => name === rule.operator);
  return (
    <select
      className="builder-select is-operator"
      aria-label="Operator"
      value={rule.operator}
      onChange={({ target }) => {
        const row = rows.find(({ name }) => name === target.value);
        if (row) change(path, (now) => withOperator(now, row, table));
      }}
    >
      {isKnown ? null : <option value={rule.operator}>{rule.operator}</option>}
      {rows.map(({ name, words }) => (
        <option key={name} value={name}>
          {words}
        </option>
      ))}
    </select>
  );
}

interface SegmentChoiceProps {
  readonly rule: DraftRule;
  readonly path: string;
  readonly type: ObjectType;
  readonly isFaulty: boolean;
}

function SegmentChoice({ rule, path, type, isFaulty }: SegmentChoiceProps) {
  const { segments, slug, change } = useEditing();
  const value = String(rule.value ?? '');
  const fitting = [...segments].filter(
    ([each, { object_type }]) => object_type === type.name && (each !== slug || each === value),
  );
  return (
    <select
      className="builder-select"
      aria-label="Segment"
      aria-invalid={isFaulty || undefined}
      value={value}
      onChange={({ target }) => change(path, (now) => ({ ...now, value: target.value }))}
    >
      <option value="">Choose a segment</option>
      {value === '' || fitting.some(([each]) => each === value) ? null : (
        <option value={value}>{value}</option>
      )}
      {fitting.map(([each, { title }]) => (
        <option key={each} value={each}>
          {title}
        </option>
      ))}
    </select>
  );
}

interface QuantityProps {
  readonly rule: DraftRule;
  readonly type: ObjectType;
  readonly path: string;
  readonly subject: ReturnType<typeof subjectOfRule>;
}

/** Over many related records: some, all, none, at least, or a measure of them. */
function Quantity({ rule, path, subject }: QuantityProps) {
  const { change, table } = useEditing();
  if (rule.match === undefined && rule.aggregate === undefined) return null;
  const relationship = subject.hops.map(({ name }) => name).join('.');
  const name = rule.match ? `match ${rule.match.mode}` : String(rule.aggregate);
  const mode = table.match_modes.find((each) => each.name === rule.match?.mode);
  const aggregate = table.aggregates.find((each) => each.name === rule.aggregate);
  const measured = aggregate && aggregate.of !== 'any' ? aggregate.of : undefined;
  return (
    <>
      <select
        className="builder-select is-operator"
        aria-label="How many, or which measure"
        value={name}
        onChange={({ target }) =>
          change(path, (now) => withQuantity(now, target.value, relationship, table))
        }
      >
        <optgroup label="How many of them">
          {table.match_modes.map((each) => (
            <option key={each.name} value={`match ${each.name}`}>
              {each.threshold ? each.quantity : each.name}
            </option>
          ))}
        </optgroup>
        <optgroup label="A measure of them">
          {table.aggregates.map((each) => (
            <option key={each.name} value={each.name}>
              {each.words}
            </option>
          ))}
        </optgroup>
      </select>
      {mode?.threshold ? (
        <NumberField
          label="How many"
          value={rule.match?.threshold}
          onChange={(threshold) =>
            change(path, (now) => ({ ...now, match: { mode: mode.name, threshold } }), `n ${path}`)
          }
        />
      ) : null}
      {measured ? (
        <select
          className="builder-select"
          aria-label="Measured attribute"
          value={subject.own ?? ''}
          onChange={({ target }) => {
            const field = target.value === '' ? relationship : `${relationship}.${target.value}`;
            change(path, (now) => ({ ...now, field }));
          }}
        >
          <option value="">Choose an attribute</option>
          {attributesFor(measured, subject.type).map(([each, { label }]) => (
            <option key={each} value={each}>
              {titleText(each, label)}
            </option>
          ))}
        </select>
      ) : null}
    </>
  );
}

// ——— What was, and what can be done ———

/** How a value was before the draft, if it is another now. */
function changeOf(was: DraftRule, now: DraftRule): string | undefined {
  if (was.field !== now.field || was.operator !== now.operator) return undefined;
  if (was.match && now.match) {
    const before = was.match.threshold;
    return before === now.match.threshold ? undefined : cellText(before);
  }
  if (was.match || JSON.stringify(was.value) === JSON.stringify(now.value)) return undefined;
  return wordsOf(was.value);
}

function wordsOf(value: unknown): string {
  if (isRelative(value)) return momentWords(value);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return cellText(value);
  return 'amount' in value ? windowWords('window', value) : cellText(Object.values(value));
}

interface NodeActionsProps {
  readonly node: DraftNode;
  readonly path: string;
  readonly rule?: DraftRule;
  readonly type: ObjectType;
}

/** What can be done with a condition or a group; each has its key too. */
export function NodeActions({ node, path, rule, type }: NodeActionsProps) {
  const { act, change, table, types } = useEditing();
  const subject = rule && subjectOfRule(rule, type, types);
  const row =
    rule &&
    subject &&
    operatorsFor(rule, subject, table).find(({ name }) => name === rule.operator);
  const icon = (Icon: typeof Group) => <Icon className="icon" aria-hidden="true" />;
  const actions: Action[] = [
    { name: 'Duplicate', icon: icon(CopyPlus), run: () => act('duplicate', path) },
    { name: 'Put into a group', icon: icon(Group), run: () => act('wrap', path) },
    {
      name: node.muted ? 'Switch on' : 'Switch off',
      icon: icon(EyeOff),
      run: () => act('mute', path),
    },
    { name: 'Move up', icon: icon(ArrowUp), run: () => act('up', path) },
    { name: 'Move down', icon: icon(ArrowDown), run: () => act('down', path) },
  ];
  if (row?.compares_attributes && rule?.aggregate === undefined) {
    const isOther = rule?.valueSource === 'field';
    const next = isOther ? {} : { valueSource: 'field' as const };
    actions.push({
      name: isOther ? 'Compare with a value' : 'Compare with another attribute',
      run: () => change(path, ({ valueSource: _, ...now }) => ({ ...now, ...next, value: '' })),
    });
  }
  if (row?.folds_case && rule) {
    const next = rule.caseInsensitive ? {} : { caseInsensitive: true };
    actions.push({
      name: rule.caseInsensitive ? 'Tell capital letters apart' : 'In whatever case',
      run: () => change(path, ({ caseInsensitive: _, ...now }) => ({ ...now, ...next })),
    });
  }
  if (rule?.aggregate !== undefined) {
    actions.push({
      name: rule.where ? 'Of all of them' : 'Only of those for which …',
      run: () => change(path, ({ where, ...now }) => (where ? now : { ...now, where: newGroup() })),
    });
  }
  actions.push({
    name: 'Remove',
    icon: icon(Trash2),
    isGrave: true,
    run: () => act('remove', path),
  });
  return (
    <ActionsMenu
      label={rule ? 'More for this condition' : 'More for this group'}
      actions={actions}
    />
  );
}
