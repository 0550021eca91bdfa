/**
 * kept-records.test.ts – What is kept of partitions is what they hold at the commit that is named,
 * whatever is written while it is read; and only what was written since is read again.
 *
 * Replay a failure with ROLLCALL_SEED=<seed>.
 */
import { describe, expect, it } from 'vitest';
import { Random } from '../../../bench/random.ts';
import { partitionOf } from '../../../src/change/partition.ts';
import { packRecord } from '../../../src/change/record.ts';
import { KeptRecords, type PartitionTables } from '../../../src/preview/kept-records.ts';
import { RunPace } from '../../../src/preview/pace.ts';
import type { RecordTable } from '../../../src/preview/record-table.ts';
import { MemoryRecords } from '../../support/memory-records.ts';
import { isWhole } from '../../support/whole.ts';

const SEED = Number(process.env.ROLLCALL_SEED ?? 1);
const RUNS = isWhole ? 2000 : 60;
const MB = 1024 * 1024;
const TYPES = ['a', 'b'] as const;
const number = { type: 'number' } as const;

const pace = () => new RunPace(new AbortController().signal, 0);

function rowOf(n: number, archivedAt?: number): Buffer {
  const times = { createdAt: 1, updatedAt: 1, archivedAt };
  return Buffer.from(packRecord({ ...times, data: { n, m: -n }, version: 1, fits: 1 }));
}

function wanted(names: readonly string[], types: readonly string[] = TYPES) {
  const attributes = new Map(names.map((name) => [name, number]));
  return types.map((objectType) => ({
    objectType,
    attributes: { attributes, keys: [], revision: 1, timeZone: 'UTC' },
  }));
}

function shown(table: RecordTable, name: string): Record<string, unknown> {
  const found = table.rows.flatMap((row, place) =>
    row ? [[table.idAt(place), row.attributes[name]] as const] : [],
  );
  expect(new Set(found.map(([id]) => id)).size).toBe(found.length);
  return Object.fromEntries(found);
}

/** The live records of a partition, as they would be shown. */
function live(source: MemoryRecords, partition: number, type: string): Record<string, unknown> {
  const rows = [...source.now(partition, type)].map(([id, row]) => [id, JSON.parse(String(row))]);
  return Object.fromEntries(rows.filter(([, { a }]) => !a).map(([id, { d }]) => [id, d.n]));
}

/** Writes at random, and remembers what each commit left. */
class Writer {
  readonly #source: MemoryRecords;
  readonly #random: Random;
  readonly #left = new Map<string, Record<string, unknown>>();

  constructor(source: MemoryRecords, random: Random) {
    this.#source = source;
    this.#random = random;
    for (let partition = 0; partition < source.partitions; partition++) this.#note(partition);
  }

  write(): void {
    // Among those that were there before, and new ones.
    const id = `r${this.#random.below(20 + this.#left.size / 4)}`;
    const type = TYPES[this.#random.below(2)]!;
    const what = this.#random.below(6);
    const archivedAt = what === 1 ? 5 : undefined;
    this.#source.write(type, id, what === 0 ? null : rowOf(this.#random.below(99), archivedAt));
    this.#note(partitionOf(id, this.#source.partitions));
  }

  #note(partition: number): void {
    for (const type of TYPES) {
      const at = `${partition} ${this.#source.numberOf(partition)} ${type}`;
      this.#left.set(at, live(this.#source, partition, type));
    }
  }

  expectRight(partition: number, { commit, tables }: PartitionTables): void {
    for (const type of TYPES)
      expect(shown(tables.get(type)!, 'n')).toEqual(
        this.#left.get(`${partition} ${commit.number} ${type}`),
      );
  }
}

describe('kept records', () => {
  it(`are of the commit that is named, whatever is written meanwhile (seed=${SEED})`, async () => {
    for (let run = 0; run < RUNS; run++) {
      const random = new Random(SEED * 10_000 + run);
      const source = new MemoryRecords(2, 2 + random.below(30));
      const writer = new Writer(source, random);
      for (let each = 0; each < 60; each++) writer.write();
      const kept = new KeptRecords(source, random.below(3) === 0 ? 4000 : MB);
      const busy = random.below(12);
      source.meanwhile = () => {
        if (random.below(10) < busy) writer.write();
        if (random.below(20) === 0) throw new Error('Redis is gone');
      };
      const given: [number, PartitionTables][] = [];
      const asked = Array.from({ length: 4 }, async () => {
        for (let each = 0; each < 4; each++) {
          const partition = random.below(2);
          const names = random.below(2) === 0 ? ['n'] : ['n', 'm'];
          const tables = await kept.tables(partition, wanted(names), pace()).catch(() => undefined);
          if (!tables) continue;
          writer.expectRight(partition, tables);
          given.push([partition, tables]);
        }
      });
      await Promise.all(asked);
      // What was given to one is not changed by what others ask for later.
      for (const [partition, tables] of given) writer.expectRight(partition, tables);
    }
  });

  it('that one was given are not those that another is given who asks meanwhile', async () => {
    const source = new MemoryRecords(1, 100);
    for (let each = 0; each < 9; each++) source.write('a', `r${each}`, rowOf(each));
    const kept = new KeptRecords(source, MB);
    const ask = () => kept.tables(0, wanted(['n'], ['a']), pace());
    await ask();
    source.write('a', 'new', rowOf(50));
    let turns = 0;
    source.meanwhile = () => {
      if (++turns !== 4) return;
      source.write('a', 'new', null);
      source.write('a', 'newer', rowOf(60));
    };
    const [first, second] = await Promise.all([ask(), ask()]);
    expect(shown(first!.tables.get('a')!, 'n')).toMatchObject({ new: 50 });
    expect(shown(second!.tables.get('a')!, 'n')).toMatchObject({ newer: 60 });
    expect(shown(first!.tables.get('a')!, 'n')).not.toHaveProperty('newer');
  });

  it('are read once, then only what was written, also while another type is read', async () => {
    const source = new MemoryRecords(1, 100);
    for (let each = 0; each < 30; each++) source.write('a', `r${each}`, rowOf(each));
    const kept = new KeptRecords(source, MB);
    const ask = (names: string[], types: string[]) => kept.tables(0, wanted(names, types), pace());
    await ask(['n'], ['a']);
    const { read } = source;
    source.write('a', 'r1', rowOf(100));
    source.write('a', 'r2', null);
    source.write('b', 'r1', rowOf(7));
    const both = await ask(['n'], ['a', 'b']);
    expect(source.read - read).toBe(1);
    expect(shown(both.tables.get('a')!, 'n')).toMatchObject({ r0: 0, r1: 100 });
    expect(shown(both.tables.get('a')!, 'n')).not.toHaveProperty('r2');
    // An attribute more: all is read again, and what was known before is not given up.
    await ask(['m'], ['a']);
    const after = source.read;
    expect(shown((await ask(['n', 'm'], ['a'])).tables.get('a')!, 'n')).toMatchObject({ r1: 100 });
    expect(source.read).toBe(after);
  });

  it('weigh no more than they may, and the same partitions stay', async () => {
    const source = new MemoryRecords(8, 100);
    for (let each = 0; each < 400; each++) source.write('a', `r${each}`, rowOf(each));
    const kept = new KeptRecords(source, 40_000);
    const all = async () => {
      const before = source.read;
      for (let each = 0; each < 8; each++) await kept.tables(each, wanted(['n'], ['a']), pace());
      return source.read - before;
    };
    const first = await all();
    const again = [await all(), await all()];
    expect(kept.bytes).toBeLessThanOrEqual(40_000);
    expect(again[0]).toBe(again[1]);
    expect(again[0]).toBeGreaterThan(0);
    expect(again[0]).toBeLessThan(0.6 * first);
  });

  it('let records go that were deleted', async () => {
    const source = new MemoryRecords(1, 1e6);
    const kept = new KeptRecords(source, 100 * MB);
    const bytes: number[] = [];
    for (let round = 0; round < 6; round++) {
      for (let each = 0; each < 1500; each++) source.write('a', `${round}-${each}`, rowOf(each));
      for (let each = 0; each < 1500; each++) source.write('a', `${round - 1}-${each}`, null);
      const { tables } = await kept.tables(0, wanted(['n'], ['a']), pace());
      expect(Object.keys(shown(tables.get('a')!, 'n'))).toHaveLength(1500);
      bytes.push(kept.bytes);
    }
    expect(Math.max(...bytes)).toBeLessThan(3 * bytes[0]!);
  });
});
