/**
 * main.ts – `npm run bench -- <workload>`: runs a workload, prints its table, keeps its figures and
 * draws its chart.
 */
import { SingleBar } from 'cli-progress';
import { Argument, Command, InvalidArgumentError } from 'commander';
import { drawChart } from './chart.ts';
import {
  type BenchOptions,
  circumstances,
  type Progress,
  printTable,
  type Workload,
  writeResult,
} from './harness.ts';
import { BUILD } from './workloads/build.ts';
import { CLOCK } from './workloads/clock.ts';
import { COUNTS } from './workloads/counts.ts';
import { FANOUT } from './workloads/fanout.ts';
import { HTTP } from './workloads/http.ts';
import { INGEST } from './workloads/ingest.ts';
import { LATENCY } from './workloads/latency.ts';
import { LOOKUP } from './workloads/lookup.ts';
import { MEMORY } from './workloads/memory.ts';
import { PREVIEW } from './workloads/preview.ts';
import { STEP } from './workloads/step.ts';

const WORKLOADS: ReadonlyMap<string, Workload> = new Map(
  [STEP, INGEST, HTTP, COUNTS, LOOKUP, LATENCY, FANOUT, BUILD, CLOCK, MEMORY, PREVIEW].map(
    (one) => [one.name, one],
  ),
);

interface Given
  extends Partial<Pick<BenchOptions, 'segments' | 'records' | 'peers' | 'histories' | 'roundMs'>> {
  readonly rounds: number;
  readonly seed: number;
  readonly keep: boolean;
}

await new Command('bench')
  .description('Measures Rollcall beside its peers, within one run.')
  .addArgument(new Argument('<workload>', 'what to measure').choices([...WORKLOADS.keys()]))
  .option('--segments <counts>', 'numbers of segments, with commas between', wholeNumbers)
  .option('--records <count>', 'how many people there are', wholeNumber)
  .option(
    '--rounds <count>',
    'rounds of each side, at least five for a figure worth keeping',
    wholeNumber,
    5,
  )
  .option('--peers <names>', 'only the peers whose names contain one of these', (text) =>
    text.split(','),
  )
  .option('--histories <names>', 'only these, of workloads that have several', (text) =>
    text.split(','),
  )
  .option('--seed <number>', 'makes people, segments and history', wholeNumber, 1)
  .option('--round-ms <ms>', 'about how long one side runs in one round', wholeNumber)
  .option('--no-keep', 'only print: leave the kept figures and the chart alone')
  .action((name: string, given: Given) => bench(WORKLOADS.get(name)!, given))
  .parseAsync();

async function bench(workload: Workload, { keep, ...given }: Given): Promise<void> {
  const bar = new SingleBar({
    format: '{bar} {value}/{total} rounds  {what}',
    clearOnComplete: true,
    hideCursor: true,
  });
  bar.start(1, 0, { what: '' });
  const result = await workload
    .run({ ...workload.defaults, ...given }, progressOf(bar))
    .finally(() => bar.stop());
  console.log(printTable(result));
  const about = circumstances(`npm run bench -- ${process.argv.slice(2).join(' ')}`);
  if (keep) writeResult(result, about, drawChart(result, about));
}

function progressOf(bar: SingleBar): Progress {
  return {
    expect: (rounds) => bar.setTotal(rounds),
    say: (what) => bar.update({ what }),
    tick: () => bar.increment(),
  };
}

function wholeNumber(text: string): number {
  if (!/^\d+$/.test(text) || Number(text) === 0)
    throw new InvalidArgumentError('a whole number above 0 is expected');
  return Number(text);
}

function wholeNumbers(text: string): number[] {
  return text.split(',').map(wholeNumber);
}
