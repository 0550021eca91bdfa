/**
 * vitest.config.ts – How the tests run.
 *
 * Keeps true: every test file has one real Redis (test/support/redis.ts); soak tests and attacks
 * run only when asked for: they take minutes, and attacks measure how long a server takes to
 * answer.
 */
import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/support/order.ts';

const soak = process.env.ROLLCALL_SOAK === '1';
const attack = process.env.ROLLCALL_ATTACK === '1';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: [
      '**/node_modules/**',
      ...(soak ? [] : ['test/soak/**']),
      ...(attack ? [] : ['test/attack/**']),
    ],
    globalSetup: ['test/support/built.ts', 'test/support/redis.ts'],
    pool: 'forks',
    // A process runs many files and loads the sources once: a second and a half a file otherwise.
    // So a file leaves nothing behind in its process, as it leaves nothing in Redis.
    isolate: false,
    sequence: { sequencer: LongestFirst },
    // One more than the cores that are promised: a third of the time is waiting, for processes that
    // die and come back, and for clocks.
    maxWorkers: 3,
    testTimeout: 60_000,
    hookTimeout: 120_000,
    teardownTimeout: 30_000,
  },
});
