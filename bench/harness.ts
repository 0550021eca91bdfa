/**
 * harness.ts – How sides are compared: in turns, within one process and minute, by ratios of each
 * round.
 *
 * Keeps true: within a round every side runs once, in an order that moves on by one each round; a
 * figure is the median of all rounds, beside the lowest and the highest; a ratio is taken within a
 * round, so that what else the machine does meanwhile touches both of its halves. A side's answers
 * were checked before its time counts: that is the workload's part.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';

export interface BenchOptions {
  /** Numbers of segments; one case each. */
  readonly segments: readonly number[];
  readonly records: number;
  readonly rounds: number;
  /** Names of the sides to compare with; undefined: all. */
  readonly peers?: readonly string[];
  /** Names of the histories to run; undefined: those that end within minutes. */
  readonly histories?: readonly string[];
  readonly seed: number;
  /** About how long one side runs in one round. */
  readonly roundMs: number;
}

export interface Workload {
  readonly name: string;
  readonly defaults: Pick<BenchOptions, 'segments' | 'records' | 'roundMs'>;
  readonly run: (options: BenchOptions, progress: Progress) => Promise<WorkloadResult>;
}

/** Whether a peer of that name is to be compared with. */
export function isWanted(name: string, { peers }: Pick<BenchOptions, 'peers'>): boolean {
  return !peers || peers.some((peer) => name.includes(peer));
}

/** Told what is being done; the rounds of all sides are counted. */
export interface Progress {
  readonly expect: (rounds: number) => void;
  readonly say: (what: string) => void;
  readonly tick: () => void;
}

export const SILENT: Progress = { expect: () => {}, say: () => {}, tick: () => {} };

/** One way of doing the work. The first one of a list is ours. */
export interface Side {
  readonly name: string;
  readonly round: () => Timed | Promise<Timed>;
}

export interface Timed {
  readonly changes: number;
  readonly ms: number;
}

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export interface Figure {
  readonly side: string;
  /** All rounds together. */
  readonly changes: number;
  readonly changesPerSecond: Spread;
  /** Ours to this one's, within each round. */
  readonly ratio: Spread;
}

/** What was compared under one set of circumstances. */
export interface Case {
  readonly history: string;
  readonly segments: number;
  /** What the work was: flips, evaluations and the like, per change. */
  readonly work: Readonly<Record<string, number>>;
  readonly figures: readonly Figure[];
}

export interface WorkloadResult {
  readonly workload: string;
  readonly title: string;
  /** What a rate counts; `changes/s` if it does not say. */
  readonly unit?: string;
  readonly cases: readonly Case[];
  readonly notes: readonly string[];
}

export async function compare(
  sides: readonly Side[],
  rounds: number,
  progress: Progress,
): Promise<Figure[]> {
  const timings = sides.map((): Timed[] => []);
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < sides.length; turn++) {
      const at = (turn + round) % sides.length;
      progress.say(sides[at]!.name);
      globalThis.gc?.();
      timings[at]!.push(await sides[at]!.round());
      progress.tick();
    }
  }
  const rates = timings.map((timed) => timed.map(({ changes, ms }) => (changes / ms) * 1000));
  return sides.map(({ name }, at) => ({
    side: name,
    changes: timings[at]!.reduce((sum, { changes }) => sum + changes, 0),
    changesPerSecond: spread(rates[at]!),
    ratio: spread(rates[at]!.map((rate, round) => rates[0]![round]! / rate)),
  }));
}

export function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median =
    sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
  return { median, min: sorted[0]!, max: sorted.at(-1)! };
}

// ── What is printed and kept ──

export function printTable({ title, unit, cases, notes }: WorkloadResult): string {
  const header = [
    'history',
    'segments',
    'side',
    unit ?? 'changes/s',
    '(min … max)',
    'ours is',
    '(min … max)',
    'changes',
  ];
  const rows = cases.flatMap(({ history, segments, figures }) =>
    figures.map(({ side, changes, changesPerSecond: rate, ratio }) => [
      history,
      grouped(segments),
      side,
      grouped(rate.median),
      `${grouped(rate.min)} … ${grouped(rate.max)}`,
      `${factor(ratio.median)}×`,
      `${factor(ratio.min)} … ${factor(ratio.max)}`,
      grouped(changes),
    ]),
  );
  const works = cases.map(({ history, segments, work }) => {
    const parts = Object.entries(work).map(([name, value]) => `${name} ${factor(value)}`);
    return `${history}, ${grouped(segments)} segments: ${parts.join(' · ')}`;
  });
  return [
    title,
    '',
    ...aligned([header, ...rows]),
    '',
    ...works,
    '',
    ...notes.map((note) => `- ${note}`),
  ].join('\n');
}

function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const isText = (column: number) => column === 0 || column === 2;
  return rows.map((row) =>
    row
      .map((cell, column) =>
        isText(column) ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!),
      )
      .join('  ')
      .trimEnd(),
  );
}

export function grouped(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

/** Three digits that mean something. */
export function factor(value: number): string {
  return value >= 100 ? grouped(value) : String(Number(value.toPrecision(value < 10 ? 2 : 3)));
}

export interface Circumstances {
  readonly date: string;
  readonly commit: string;
  readonly command: string;
  readonly machine: string;
  readonly cores: number;
  readonly node: string;
}

export function circumstances(command: string): Circumstances {
  const cores = cpus();
  return {
    date: new Date().toISOString().slice(0, 10),
    commit: commit(),
    command,
    machine: `${cores[0]?.model.trim() ?? 'unknown'} (${process.platform} ${process.arch})`,
    cores: cores.length,
    node: process.version,
  };
}

function commit(): string {
  const git = (...given: string[]) =>
    execFileSync('git', given, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  try {
    const isDirty = git('status', '--porcelain', '--', 'src', 'bench').trim() !== '';
    return `${git('rev-parse', '--short', 'HEAD').trim()}${isDirty ? ' with changes' : ''}`;
  } catch {
    return 'none';
  }
}

/**
 * From the project's folder, where npm runs its scripts: what runs may be a compiled copy
 * elsewhere.
 */
const RESULTS = 'bench/results';

export function writeResult(result: WorkloadResult, about: Circumstances, chart: string): void {
  mkdirSync(RESULTS, { recursive: true });
  const { workload, ...rest } = result;
  const kept = JSON.stringify({ workload, ...about, ...rest }, toThreeDigits, 2);
  writeFileSync(`${RESULTS}/${workload}.json`, `${kept}\n`);
  writeFileSync(`${RESULTS}/${workload}.svg`, chart);
}

/** No figure here is good for more. */
function toThreeDigits(_: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isInteger(value)
    ? Number(value.toPrecision(4))
    : value;
}
