/**
 * explain-command.ts – `rollcall explain SLUG ID`: why a record is in a segment or not, as a tree.
 *
 * Keeps true: it says what the API says, in the same words. Lines fit the terminal, and 80 columns
 * where there is none.
 */
import { formatExplanation } from '../api/explain/format.ts';
import { checkRecordId } from '../change/change.ts';
import { readOperand } from '../change/value.ts';
import type { Config } from '../config.ts';
import type { ExplainedPart, Explanation, RelatedShown } from '../explain/explanation.ts';
import type { NextFlip } from '../explain/flip-search.ts';
import { STRONG } from '../membership/read-options.ts';
import { nameInWords } from '../query/words/names.ts';
import { distanceInWords, momentInWords, valueInWords } from '../query/words/values.ts';
import { beside } from './beside.ts';
import { CommandError } from './failure.ts';

export interface ExplainCommandOptions {
  /** A later moment. */
  readonly at?: string;
  /** Print what the API answers. */
  readonly json?: boolean;
}

const WIDTH_DEFAULT = 80;
const WIDTH_MAX = 120;
const RELATED_LISTED_MAX = 5;

export async function runExplain(
  config: Config,
  slug: string,
  id: string,
  { at, json }: ExplainCommandOptions,
): Promise<number> {
  checkRecordId(id);
  return beside(config, { needsWorker: true }, async ({ explain, founding, store }) => {
    const { timeZone } = founding;
    const atMs = at === undefined ? undefined : momentOf(at, timeZone);
    const explanation = await explain.segment(slug, id, atMs, STRONG);
    if (json) {
      console.log(JSON.stringify(formatExplanation(explanation), undefined, 2));
      return 0;
    }
    const segment = store.catalog.segments.get(slug)?.title ?? slug;
    const width = Math.min(process.stdout.columns || WIDTH_DEFAULT, WIDTH_MAX);
    console.log(explanationLines(explanation, { segment, timeZone, width }).join('\n'));
    return 0;
  });
}

function momentOf(text: string, timeZone: string): number {
  const moment = readOperand('datetime', text, timeZone);
  if (typeof moment !== 'string')
    throw new CommandError(`'${text}' is no moment, such as 2027-01-04T09:00.`);
  return Date.parse(moment);
}

interface Layout {
  /** The segment's title. */
  readonly segment: string;
  readonly timeZone: string;
  readonly width: number;
}

/** The explanation for a terminal. */
export function explanationLines(explanation: Explanation, layout: Layout): string[] {
  const { asOfMs, atMs, words, tree } = explanation;
  const { timeZone, width } = layout;
  const facts = factsOf(explanation, layout);
  const nowMs = atMs ?? asOfMs;
  return [
    ...wrapped(verdict(explanation, layout), '', width),
    ...facts.flatMap((fact) => wrapped(fact, '  ', width)),
    '',
    ...wrapped(words, '  ', width),
    '',
    ...partLines(tree, '', { timeZone, width, nowMs }),
  ];
}

function verdict({ member, title, id, atMs, exists }: Explanation, { segment, timeZone }: Layout) {
  const named = title === id ? id : `${title} (${id})`;
  if (!exists) return `There is no record ${id}, so it is not in ${segment}.`;
  const isIn = atMs === undefined ? 'is' : 'will be';
  const when = atMs === undefined ? '' : ` on ${momentInWords(atMs, timeZone)}, if nothing changes`;
  return `${named} ${isIn} ${member ? '' : 'not '}in ${segment}${when}.`;
}

function factsOf(explanation: Explanation, { timeZone }: Layout): string[] {
  const { archived, sinceMs, next, stored, agrees, revision, asOfMs, atMs, member } = explanation;
  const nowMs = atMs ?? asOfMs;
  const facts: string[] = [];
  if (archived) facts.push('It is archived: no segment holds it.');
  if (sinceMs !== undefined) facts.push(`Since ${momentInWords(sinceMs, timeZone)}.`);
  const change = nextInWords(next, member ? 'Leaves' : 'Enters', nowMs, timeZone);
  if (change !== '') facts.push(change);
  if (!agrees)
    facts.push(
      `STORED OTHERWISE: it is ${stored ? '' : 'not '}kept as a member. Run rollcall audit.`,
    );
  const moment = `${momentInWords(asOfMs, timeZone)} (${timeZone})`;
  facts.push(
    `${agrees ? 'Agrees with what is stored. ' : ''}Revision ${revision}, as of ${moment}.`,
  );
  return facts;
}

function nextInWords(next: NextFlip, verb: string, nowMs: number, timeZone: string): string {
  switch (next.kind) {
    case 'at': {
      const far = distanceInWords(next.atMs, nowMs);
      return `${verb} by the clock on ${momentInWords(next.atMs, timeZone)}, ${far}.`;
    }
    case 'searched':
      return `The clock changes nothing until ${momentInWords(next.untilMs, timeZone)} at least.`;
    case 'never':
      return '';
  }
}

// ——— The tree ———

interface TreeLayout {
  readonly timeZone: string;
  readonly width: number;
  readonly nowMs: number;
}

function partLines(part: ExplainedPart, indent: string, layout: TreeLayout): string[] {
  const { words, passed, seenWords, flips, related = [], parts = [] } = part;
  const { width, timeZone } = layout;
  const below = `${indent}    `;
  const until =
    flips?.kind === 'at' ? `changes on ${momentInWords(flips.atMs, timeZone)} by the clock` : '';
  const said = [seenWords ?? '', until].filter((each) => each !== '');
  return [
    ...wrapped(`${mark(passed)} ${words}`, indent, width, 2),
    ...(said.length === 0 ? [] : wrapped(said.join('; '), below, width)),
    ...(part.of === undefined ? [] : relatedLines(related, below, layout)),
    ...parts.flatMap((each) => partLines(each, `${indent}  `, layout)),
  ];
}

function relatedLines(
  related: readonly RelatedShown[],
  indent: string,
  layout: TreeLayout,
): string[] {
  const shown = related.slice(0, RELATED_LISTED_MAX);
  const more = related.length - shown.length;
  const lines = shown.flatMap((each) =>
    wrapped(relatedLine(each, layout), indent, layout.width, 2),
  );
  return more > 0 ? [...lines, `${indent}  … and ${more} more`] : lines;
}

function relatedLine({ id, title, passed, seen, flips }: RelatedShown, { timeZone }: TreeLayout) {
  const named = title === id ? id : `${title} (${id})`;
  const values = Object.entries(seen).map(
    ([name, value]) => `${nameInWords(name)} ${valueInWords(value, 'object', timeZone)}`,
  );
  const until = flips?.kind === 'at' ? [`until ${momentInWords(flips.atMs, timeZone)}`] : [];
  return `${mark(passed)} ${[named, ...values, ...until].join(', ')}`;
}

function mark(passed: boolean): string {
  return passed ? '✓' : '✗';
}

/** Text in lines of the width, the further ones hanging by so many blanks. */
function wrapped(text: string, indent: string, width: number, hanging = 0): string[] {
  const lines: string[] = [];
  let line = indent;
  let isEmpty = true;
  for (const word of text.split(' ')) {
    if (!isEmpty && line.length + 1 + word.length > width) {
      lines.push(line);
      line = indent + ' '.repeat(hanging);
      isEmpty = true;
    }
    line += isEmpty ? word : ` ${word}`;
    isEmpty = false;
  }
  return [...lines, line];
}
