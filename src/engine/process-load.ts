/**
 * process-load.ts – The load of this process, by which it decides whether to wait for more changes
 * before a commit.
 */
import { performance } from 'node:perf_hooks';

const UTILIZATION_SAMPLE_MS = 100;
let sample = { at: 0, elu: performance.eventLoopUtilization(), busy: 0 };

/** The share of the last tenth of a second in which this process was busy. */
export function utilization(): number {
  const at = performance.now();
  if (at - sample.at > UTILIZATION_SAMPLE_MS) {
    const elu = performance.eventLoopUtilization();
    const busy = performance.eventLoopUtilization(elu, sample.elu).utilization;
    sample = { at, elu, busy };
  }
  return sample.busy;
}
