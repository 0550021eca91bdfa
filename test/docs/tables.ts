/**
 * tables.ts – The tables of the READMEs that exist in code, printed from it.
 *
 * Keeps true: what stands in a README between `<!-- printed: NAME -->` and `<!-- /printed -->` is
 * what `PRINTED[NAME]` returns. `npm run docs` rewrites it, tables.test.ts compares it. No printed
 * line is wider than COLUMNS_MAX, unless a single word is.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { type Need, ROLE_CAPABILITIES } from '../../src/api/roles.ts';
import { ROUTES } from '../../src/api/routes.ts';
import { CONFIG } from '../../src/config.ts';
import { ERRORS } from '../../src/errors.ts';
import { listOperators } from '../../src/query/dialects/operator-list.ts';
import { KEY_TABLE } from '../../src/redis/keys.ts';
import { META_FIELDS, type MetaField } from '../../src/redis/partition-meta.ts';

export const COLUMNS_MAX = 100;

/** What each name prints: the lines between its markers. */
export const PRINTED: Readonly<Record<string, () => string[] | Promise<string[]>>> = {
  bench: benchLines,
  'bench-figures': figureLines,
  configuration: configurationLines,
  errors: errorLines,
  keys: keyLines,
  meta: metaLines,
  operators: operatorLines,
  related: relatedLines,
  roles: roleLines,
  routes: routeLines,
  scripts: scriptLines,
};

const MARKED = /(<!-- printed: ([\w-]+) -->\n)([\s\S]*?)(<!-- \/printed -->)/g;

/** The names of the tables in a text. */
export function printedNames(text: string): string[] {
  return [...text.matchAll(MARKED)].map((match) => match[2]!);
}

/** The text with every table as the code prints it now. */
export async function printTables(text: string): Promise<string> {
  const tables = new Map<string, string>();
  for (const name of printedNames(text)) {
    const print = PRINTED[name];
    if (!print)
      throw new Error(`nothing prints the table ${name}; there are ${Object.keys(PRINTED)}`);
    tables.set(name, `${(await print()).join('\n')}\n`);
  }
  return text.replace(MARKED, (_, start, name, _old, end) => `${start}${tables.get(name)}${end}`);
}

// ——— Filters ———

const LISTED = listOperators();

/** How the forms of a value are told to people; a new one stands under its own name. */
const VALUES: Readonly<Record<string, string>> = {
  none: '–',
  one: 'a value',
  list: 'a list',
  range: '`[low, high]`',
  window: '`{amount, unit}`',
  period: '`{unit}`',
};

function operatorLines(): string[] {
  const rows = new Map<string, { readonly cells: string[]; readonly types: string[] }>();
  for (const [type, operators] of Object.entries(LISTED.types))
    for (const { name, words, value } of operators) {
      const cells = [code(name), words, VALUES[value] ?? value];
      const row = rows.get(cells.join()) ?? { cells, types: [] };
      rows.set(cells.join(), { ...row, types: [...row.types, type] });
    }
  const all = Object.keys(LISTED.types).length;
  return table(
    ['operator', 'reads', 'value', 'on'],
    [
      ...[...rows.values()].map(({ cells, types }) => [
        ...cells,
        types.length === all ? 'every type' : types.join(', '),
      ]),
      ...LISTED.record.map(({ name, words }) => [
        code(name),
        words,
        'a slug',
        'the record; `field` is empty',
      ]),
    ],
  );
}

function relatedLines(): string[] {
  return table(
    ['of a to-many', 'reads', 'takes'],
    [
      ...LISTED.match_modes.map(({ name, words, threshold }) => [
        `\`match\`: ${code(name)}`,
        words,
        threshold ? 'a group, and a number or a share of them' : 'a group',
      ]),
      ...LISTED.aggregates.map(({ name, words, of }) => [
        `\`aggregate\`: ${code(name)}`,
        words,
        of === 'any' ? 'any attribute, or none' : `a ${of} attribute`,
      ]),
    ],
  );
}

// ——— The API ———

function errorLines(): string[] {
  return table(
    ['code', 'status', 'title'],
    Object.entries(ERRORS).map(([name, { status, title }]) => [code(name), String(status), title]),
  );
}

function roleLines(): string[] {
  return table(
    ['role', 'may'],
    Object.entries(ROLE_CAPABILITIES).map(([role, may]) => [code(role), may.map(words).join(', ')]),
  );
}

const words = (name: string) => name.replaceAll('_', ' ');

const KEYS: Readonly<Record<Need, string>> = {
  nothing: 'no key',
  key: 'any key',
  read: 'read',
  write_records: 'write records',
  write_catalog: 'write catalog',
  operate_queues: 'operate queues',
};
const METHOD_WIDTH = 7;
const NEED_WIDTH = 15;

/** Method, path and what it needs in a line of their own, what it does below. */
function routeLines(): string[] {
  const lines = ROUTES.flatMap(({ method, path, need, summary }) => {
    const call = `${method.padEnd(METHOD_WIDTH)}${path}`.padEnd(COLUMNS_MAX - NEED_WIDTH);
    return [`${call}${KEYS[need]}`, ...wrapped(summary, ' '.repeat(METHOD_WIDTH))];
  });
  return ['```text', ...lines, '```'];
}

// ——— Configuration ———

function configurationLines(): string[] {
  return CONFIG.flatMap(({ name, default: value, description }) => {
    const given = value === undefined ? 'unset' : `${code(value)}${sizeOf(name, value)}`;
    return wrapped(`${code(name)} (${given}): ${description}.`, '  ', '- ');
  });
}

const MB = 1024 * 1024;

/** Bytes in words, where they are whole megabytes. */
function sizeOf(name: string, value: string): string {
  const isSize = name.endsWith('_BYTES') && Number(value) % MB === 0;
  return isSize ? `, ${Number(value) / MB} MB` : '';
}

// ——— Benchmarks ———

interface Ratio {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

interface Result {
  readonly unit?: string;
  readonly workload: string;
  readonly date: string;
  readonly commit: string;
  readonly cases: readonly {
    readonly history: string;
    readonly segments: number;
    readonly figures: readonly {
      readonly side: string;
      readonly changesPerSecond: { readonly median: number };
      readonly ratio: Ratio;
    }[];
  }[];
}

/** The ratios that the chart shows: gains and losses, in the order in which they are shown. */
const SHOWN: readonly (readonly [
  workload: string,
  history: string,
  segments: number,
  side: string,
])[] = [
  ['step', 'drift', 10_000, 'json-logic-js loop'],
  ['step', 'drift', 1000, 'json-logic-js loop'],
  ['step', 'drift', 100, 'json-logic-js loop'],
  ['step', 'drift', 10_000, 'hand closures loop'],
  ['step', 'drift', 1000, 'hand closures loop'],
  ['step', 'drift', 100, 'hand closures loop'],
  ['step', 'jump', 1000, 'hand closures loop'],
  ['ingest', 'drift', 1000, 'naive engine (json-logic-js)'],
  ['memory', 'due at once', 100, 'raw pipelined SREM'],
  ['ingest', 'drift', 1000, 'bare log'],
];
/** The workloads whose figures are kept. */
const KEPT = [
  ...['step', 'ingest', 'http', 'counts', 'lookup', 'latency', 'fanout', 'build', 'clock'],
  ...['preview', 'memory'],
].filter((workload) => existsSync(resultFile(workload)));
const LOSS_WIDTH = 3;
const NAME_WIDTH = 62;

/** A bar per ratio, a block per doubling; to the left where ours is slower. */
function benchLines(): string[] {
  const dates = new Set<string>();
  const bars = SHOWN.map(([workload, history, segments, side]) => {
    const { date, cases } = readResult(workload);
    dates.add(date);
    const shown = cases.find((each) => each.history === history && each.segments === segments);
    const figure = shown?.figures.find((each) => each.side === side);
    if (!figure)
      throw new Error(`bench/results/${workload}.json has no ${side} at ${segments}, ${history}`);
    const { median } = figure.ratio;
    const doublings = Math.round(Math.abs(Math.log2(median)));
    const [loss, gain] = median < 1 ? [doublings, 0] : [0, doublings];
    const name = `${workload}, ${history}, ${segments.toLocaleString('en')} segments: ${side}`;
    const bar = `${'▒'.repeat(loss).padStart(LOSS_WIDTH)}│${'█'.repeat(gain)}`;
    return `${name.padEnd(NAME_WIDTH)}${bar} ${ratioText(median)}×`;
  });
  const legend = 'ours to theirs, changes a second; a block is a doubling';
  const head = `${legend.padEnd(NAME_WIDTH + LOSS_WIDTH)}│ 1×`;
  return [
    '```text',
    head,
    ...bars,
    '```',
    `Medians of interleaved rounds, ${[...dates].join(', ')}, two shared cores.`,
  ];
}

/** Every figure that is kept. */
function figureLines(): string[] {
  const results = KEPT.map(readResult);
  const rows = results.flatMap(({ workload, unit, cases }) =>
    cases.flatMap(({ history, segments, figures }) =>
      figures.map(({ side, changesPerSecond, ratio }) => [
        `${workload}, ${history}, ${segments.toLocaleString('en')}`,
        side,
        Math.round(changesPerSecond.median).toLocaleString('en') + (unit === 'bytes' ? ' B' : ''),
        ...(side.startsWith('Rollcall') ? ['–', '–'] : ratiosOf(ratio)),
      ]),
    ),
  );
  const runs = results.map(({ workload, date, commit }) => `${workload} ${date} (${commit})`);
  return [
    ...table(['workload, history, segments', 'side', 'changes/s', 'ours to theirs', 'range'], rows),
    '',
    ...wrapped(`Runs: ${runs.join(', ')}.`, ''),
  ];
}

function ratiosOf({ median, min, max }: Ratio): [string, string] {
  return [`${ratioText(median)}×`, `${ratioText(min)}–${ratioText(max)}`];
}

function readResult(workload: string): Result {
  return JSON.parse(readFileSync(resultFile(workload), 'utf8')) as Result;
}

function resultFile(workload: string): URL {
  return new URL(`../../bench/results/${workload}.json`, import.meta.url);
}

function ratioText(ratio: number): string {
  if (ratio < 1) return ratio.toFixed(2);
  return ratio < 10 ? ratio.toFixed(1) : Math.round(ratio).toLocaleString('en');
}

// ——— Forms ———

const code = (text: string) => `\`${text}\``;

// ——— Redis ———

function keyLines(): string[] {
  const rows = KEY_TABLE.map(({ name, type, holds, formerly }) => [
    code(name),
    type,
    withFormer(holds, formerly),
  ]);
  return table(['key', 'type', 'holds'], rows);
}

function metaLines(): string[] {
  const rows = Object.values<MetaField>(META_FIELDS).map(({ name, of, holds, formerly }) => [
    code(of === undefined ? name : `${name}<${of}>`),
    withFormer(holds, formerly),
  ]);
  return table(['field', 'holds'], rows);
}

function withFormer(holds: string, formerly: string | undefined): string {
  return formerly === undefined ? holds : `${holds} (was ${code(formerly)})`;
}

/** Each script with the first sentence of its header. */
function scriptLines(): string[] {
  const folder = new URL('../../src/redis/lua/', import.meta.url);
  return readdirSync(folder)
    .filter((file) => file.endsWith('.lua'))
    .sort()
    .flatMap((file) => {
      const header = readFileSync(new URL(file, folder), 'utf8').split('\n--\n')[0]!;
      const purpose = header.replaceAll('\n-- ', ' ').slice(`-- ${file}: `.length);
      return wrapped(`${code(`lua/${file}`)} ${purpose}`, '  ', '- ');
    });
}

/** A table with columns as wide as their widest cell. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = head.map((title, at) =>
    Math.max(title.length, ...rows.map((row) => row[at]!.length)),
  );
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, at) => cell.padEnd(widths[at]!)).join(' | ')} |`;
  const aligned = [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)];
  const narrow = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  if (aligned[0]!.length <= COLUMNS_MAX) return aligned;
  return [narrow(head), narrow(head.map(() => '---')), ...rows.map(narrow)];
}

/** Words in lines of at most COLUMNS_MAX columns. */
export function wrapped(text: string, indent: string, first = indent): string[] {
  const lines = [first];
  for (const word of text.split(' ')) {
    const last = lines.at(-1)!;
    const bare = last === first || last === indent;
    if (bare) lines[lines.length - 1] = last + word;
    else if (last.length + 1 + word.length <= COLUMNS_MAX)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(indent + word);
  }
  return lines;
}
