/**
 * commit-news.test.ts – Whoever waits for a commit hears of it, or looks again all the same.
 */
import { expect, it } from 'vitest';
import { CommitNews } from '../../../src/membership/commit-news.ts';

const LONG_MS = 60_000;

it('a commit wakes those who wait for its partition, and no others', async () => {
  const news = new CommitNews();
  const woken: string[] = [];
  const wait = (partition: number, name: string) =>
    news.next(partition, news.heard(partition), LONG_MS).then(() => woken.push(name));
  const waits = [wait(0, 'a'), wait(0, 'b'), wait(1, 'other')];
  news.tell(0);
  await Promise.all(waits.slice(0, 2));
  expect(woken).toEqual(['a', 'b']);
  news.tell(1);
  await waits[2];
});

it('a commit between a look and the wait is not missed', async () => {
  const awaited: number[] = [];
  const news = new CommitNews((partition) => awaited.push(partition));
  const heard = news.heard(0);
  news.tell(0);
  await news.next(0, heard, LONG_MS);
  expect(awaited).toEqual([]);
});

it('news that is lost costs a moment', async () => {
  const news = new CommitNews();
  const startedMs = performance.now();
  await news.next(0, news.heard(0), LONG_MS);
  expect(performance.now() - startedMs).toBeLessThan(5000);
});
