import { describe, expect, it } from 'vitest';
import { CommitDraft } from '../../../src/engine/commit-draft.ts';
import { CORE_LIMITS } from '../../../src/engine/core-limits.ts';
import { type Fanout, Fanouts, type FanoutVisit } from '../../../src/engine/fanouts.ts';
import type { Turn } from '../../../src/engine/participant.ts';
import type { Request } from '../../../src/engine/requests.ts';
import type { Step } from '../../../src/engine/step.ts';

const HOLDERS = ['a', 'b', 'c', 'd', 'e', 'f'];
const HUB = { edgeId: 7, target: 'hub' };

/**
 * One commit: visits up to two holders of the fan-out that runs, and the hub shows something new or
 * not.
 */
class Run {
  readonly fanouts = new Fanouts(CORE_LIMITS);
  /** What each holder has seen: the commit of the newest news at its last visit. */
  readonly seen = new Map<string, number>();
  number = 0;
  news = 0;

  commit(showsNews: boolean): void {
    this.number++;
    if (showsNews) this.news = this.number;
    const visits = this.fanouts.next().map((fanout) => this.#visit(fanout));
    const begun = showsNews ? [HUB] : [];
    this.fanouts.apply(this.fanouts.progress(visits, begun, this.number, () => true));
  }

  get since(): number | undefined {
    return this.fanouts.next()[0]?.since;
  }

  #visit(fanout: Fanout): FanoutVisit {
    const { cursor, until } = fanout;
    const rest = HOLDERS.filter(
      (id) => (cursor === '' || id > cursor) && (until === null || id <= until),
    );
    const ids = rest.slice(0, 2);
    for (const id of ids) this.seen.set(id, this.news);
    return { fanout, ids, isStretchDone: rest.length < 2 };
  }
}

describe('a fan-out', () => {
  it('visits every holder, and is over then', () => {
    const run = new Run();
    run.commit(true);
    for (let i = 0; i < 4; i++) run.commit(false);
    expect([...run.seen.keys()]).toEqual(HOLDERS);
    expect(run.fanouts.size).toBe(0);
  });

  it('shows every holder the last news, whenever those come', () => {
    for (let pattern = 0; pattern < 2 ** 10; pattern++) {
      const run = new Run();
      for (let bit = 0; bit < 10; bit++) run.commit(((pattern >> bit) & 1) === 1);
      for (let i = 0; i < 20; i++) run.commit(false);
      expect(run.fanouts.size).toBe(0);
      if (run.news > 0) expect(HOLDERS.filter((id) => run.seen.get(id) !== run.news)).toEqual([]);
    }
  });

  it('says from when on some holder has not seen the news, never too late, however often there are more', () => {
    for (let pattern = 0; pattern < 2 ** 12; pattern++) {
      const run = new Run();
      const news: number[] = [];
      for (let bit = 0; bit < 12; bit++) {
        const shows = ((pattern >> bit) & 1) === 1;
        run.commit(shows);
        if (shows) news.push(run.number);
        const unseen = news.filter((number) =>
          HOLDERS.some((id) => (run.seen.get(id) ?? 0) < number),
        );
        if (unseen.length > 0)
          expect(run.since, `pattern=${pattern} commit=${run.number}`).toBeLessThanOrEqual(
            unseen[0]!,
          );
      }
    }
  });

  it('comes to its end for those who wait, also when there is always more news', () => {
    const run = new Run();
    for (let i = 0; i < 40; i++) run.commit(true);
    expect(run.since).toBeGreaterThan(30);
  });

  it('goes on after the last holder for which the batch had room, with fewer at a time', () => {
    const fanouts = new Fanouts(CORE_LIMITS);
    const turn = { number: 2, networks: { edges: new Map([[HUB.edgeId, {}]]) } } as unknown as Turn;
    const progress = { cursor: '', until: null, wrapTo: null, since: 1, begun: 1 };
    fanouts.apply({ running: [{ ...HUB, ...progress }], done: [] });
    const asked = (fanned: number) => {
      fanouts.begin();
      const visiting = fanouts.visit(10_000);
      const { asked: ranges } = visiting.next().value as Request & { kind: 'holders' };
      visiting.next([HOLDERS]);
      const writes = new CommitDraft(0, 1);
      const made = { edges: { fanouts: [] as object[] }, fanned, operations: 0 };
      fanouts.plan(writes, made as unknown as Step, turn);
      fanouts.committed(made);
      return { most: ranges[0]!.most, cursor: writes.fanouts[0]?.cursor };
    };
    const first = asked(2);
    expect(first.cursor).toBe('b');
    expect(asked(HOLDERS.length).most).toBe(first.most / 2);
    expect(fanouts.size).toBe(0);
  });
});
