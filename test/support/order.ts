/**
 * order.ts – In which order the files of tests begin: the longest first.
 *
 * Keeps true: no long file begins when the others have ended, on a machine that has never run them.
 * The order is of no other meaning; a list that is out of date is only slower.
 */
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Those of more than a few seconds, without `.test.ts`. */
const LONG = [
  ...['faults/kill-webhooks', 'e2e/cli', 'faults/kill-ingest', 'e2e/repair', 'faults/poison'],
  ...['e2e/messages', 'e2e/bench', 'faults/redis-health', 'faults/kill-import', 'faults/kill-run'],
  ...['faults/kill-fanout', 'faults/kill-sweep', 'e2e/random-history', 'e2e/time', 'e2e/seeds-cli'],
  ...['e2e/relationships', 'simulation/canaries', 'simulation/random-schemas', 'e2e/hot-target'],
  ...['simulation/company', 'e2e/odd-requests', 'e2e/openapi', 'e2e/deep-bodies', 'e2e/ingest-cli'],
  ...['property/query', 'property/engine', 'property/filter-schema', 'faults/random-roll-back'],
];

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification) => {
      const at = LONG.findIndex((name) => moduleId.endsWith(`/test/${name}.test.ts`));
      return at < 0 ? LONG.length : at;
    };
    return (await super.sort(files)).sort((a, b) => place(a) - place(b));
  }
}
