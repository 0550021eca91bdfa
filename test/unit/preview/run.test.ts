/**
 * run.test.ts – A run stops soon after its signal, gives up what it may not hold, and takes turns
 * with others.
 */
import { describe, expect, it } from 'vitest';
import { Catalog } from '../../../src/catalog/catalog.ts';
import { CatalogDraft } from '../../../src/catalog/catalog-draft.ts';
import { packRecord } from '../../../src/change/record.ts';
import { KeptRecords } from '../../../src/preview/kept-records.ts';
import { planPreview } from '../../../src/preview/plan.ts';
import { PreviewTurns } from '../../../src/preview/preview-turns.ts';
import type { RecordSource } from '../../../src/preview/record-source.ts';
import { runPreview } from '../../../src/preview/run.ts';

const PARTITIONS = 500;
const RECORDS = 20;

function catalog(): Catalog {
  const made = new Catalog();
  const draft = new CatalogDraft(made);
  const to = { to: 'people', key: 'boss_id', cardinality: 'one', inverse: 'reports' } as const;
  draft.setObjectType('people', {
    attributes: { age: { type: 'number' } },
    relationships: { boss: to },
    revision: 1,
  });
  draft.edgesWithIds();
  made.apply(draft.version, draft.finish());
  return made;
}

/** Every person has a boss in the next partition. */
class ManyPartitions implements RecordSource {
  readonly partitions = PARTITIONS;
  reads = 0;

  async sizes(): Promise<number[]> {
    return Array.from({ length: PARTITIONS }, () => RECORDS);
  }

  async changes(partition: number) {
    return { commit: { number: partition, nonce: 'n' }, written: [] };
  }

  async *pieces(partition: number) {
    this.reads++;
    const at = Array.from({ length: RECORDS }, (_, each) => each);
    const rows = at.map((each) => {
      const data = { age: each, boss_id: `${partition + 1}-${each}` };
      return Buffer.from(packRecord({ data, version: 1, createdAt: 1, updatedAt: 1, fits: 1 }));
    });
    const ids = at.map((each) => Buffer.from(`${partition}-${each}`));
    yield { rows, ids };
  }

  async whole(): Promise<never> {
    throw new Error('nothing is written meanwhile');
  }

  async rows(_: number, __: string, ids: readonly string[]): Promise<null[]> {
    return ids.map(() => null);
  }

  close(): void {}
}

async function run(
  source: RecordSource,
  signal: AbortSignal,
  bytesMax: number,
  onProgress = () => {},
) {
  const bossIsOld = { field: 'boss.age', operator: '>=', value: 10 };
  const asked = { objectType: 'people', query: { combinator: 'and', rules: [bossIsOld] } };
  const request = { ...asked, sample: 2, breakdown: false, timeoutMs: 0 };
  const plan = await planPreview(request, { catalog: catalog(), timeZone: 'UTC' });
  const records = new KeptRecords(source, 0);
  const asRun = { plan, nowMs: 0, sample: 2, bytesMax, timeoutMs: 0 };
  return runPreview(asRun, { records, signal, onProgress });
}

describe('a run', () => {
  it('reads every partition once, and names the first by partition and id', async () => {
    const source = new ManyPartitions();
    const { count, of, sample } = await run(source, new AbortController().signal, 1e9);
    expect(source.reads).toBe(PARTITIONS);
    // The bosses of the last partition's people are not there.
    expect([count, of]).toEqual([((PARTITIONS - 1) * RECORDS) / 2, PARTITIONS * RECORDS]);
    expect(sample.map(({ id }) => id)).toEqual(['0-10', '0-11']);
  });

  it('stops soon after its signal', async () => {
    const source = new ManyPartitions();
    const cancel = new AbortController();
    let told = 0;
    const onProgress = () => void (++told === 3 && cancel.abort());
    await expect(run(source, cancel.signal, 1e9, onProgress)).rejects.toThrow('aborted');
    expect(source.reads).toBeLessThan(6);
  });

  it('that would hold more than it may is refused, with the pointer', async () => {
    const refused = run(new ManyPartitions(), new AbortController().signal, 100_000);
    await expect(refused).rejects.toMatchObject({
      ...{ code: 'query_too_costly', errors: [{ path: '/query' }] },
    });
  });
});

describe('turns', () => {
  const limits = { atOnce: 1, perCaller: 2, waiting: 1 };
  const forever = new AbortController().signal;

  it('are given in order; too many are refused, and so are too many of one caller', async () => {
    const turns = new PreviewTurns(limits);
    const [one, other] = [{}, {}];
    const done: string[] = [];
    let finish = () => {};
    const first = turns.inTurn(one, forever, () => new Promise<void>((end) => (finish = end)));
    const second = turns.inTurn(one, forever, async () => void done.push('second'));
    await expect(turns.inTurn(one, forever, async () => {})).rejects.toMatchObject({
      ...{ code: 'overloaded', status: 429, extra: { retry_after_s: 1 } },
    });
    await expect(turns.inTurn(other, forever, async () => {})).rejects.toThrow('waiting already');
    expect([turns.size, done]).toEqual([2, []]);
    finish();
    await Promise.all([first, second]);
    expect([turns.size, done]).toEqual([0, ['second']]);
  });

  it('are left by those who go away while they wait', async () => {
    const turns = new PreviewTurns(limits);
    let finish = () => {};
    const first = turns.inTurn({}, forever, () => new Promise<void>((end) => (finish = end)));
    const gone = new AbortController();
    const waits = turns.inTurn({}, gone.signal, async () => 'never');
    gone.abort();
    expect(await waits).toBeUndefined();
    const next = turns.inTurn({}, forever, async () => 'done');
    finish();
    await first;
    expect(await next).toBe('done');
    expect(turns.size).toBe(0);
  });
});
