/**
 * memory-records.ts – Records of partitions in memory, as previews read them: each write is a
 * commit of its own, and the latest ones are known by what they wrote.
 *
 * Keeps true: what `RecordSource` promises, and no more: pieces are of different moments, some
 * records come twice, and `meanwhile` may write between any two answers.
 */
import { partitionOf } from '../../src/change/partition.ts';
import type { RecordPiece, RecordSource } from '../../src/preview/record-source.ts';

const PIECE = 3;
/** More that were written are only named. */
const ROWS_MAX = 4;

interface Partition {
  number: number;
  readonly types: Map<string, Map<string, Buffer>>;
  readonly written: { readonly number: number; readonly type: string; readonly id: string }[];
}

export class MemoryRecords implements RecordSource {
  readonly #partitions: Partition[];
  /** Commits that are known by what they wrote. */
  readonly #ring: number;
  /** Called between any two answers. */
  meanwhile: () => void = () => {};
  /** Records that were given, other than those that were asked for by their ids. */
  read = 0;

  constructor(partitions: number, ring: number) {
    this.#ring = ring;
    this.#partitions = Array.from({ length: partitions }, () => {
      return { number: 0, types: new Map(), written: [] };
    });
  }

  get partitions(): number {
    return this.#partitions.length;
  }

  write(type: string, id: string, row: Buffer | null): void {
    const partition = this.#partitions[partitionOf(id, this.partitions)]!;
    partition.number++;
    partition.written.push({ number: partition.number, type, id });
    let records = partition.types.get(type);
    if (!records) partition.types.set(type, (records = new Map()));
    if (row) records.set(id, row);
    else records.delete(id);
  }

  /** What is there now, by id. */
  now(partition: number, type: string): ReadonlyMap<string, Buffer> {
    return new Map(this.#partitions[partition]!.types.get(type));
  }

  numberOf(partition: number): number {
    return this.#partitions[partition]!.number;
  }

  async sizes(types: readonly string[]): Promise<number[]> {
    return this.#partitions.map(({ types: all }) =>
      types.reduce((sum, type) => sum + (all.get(type)?.size ?? 0), 0),
    );
  }

  async changes(
    partition: number,
    since: { readonly number: number } | undefined,
    types: readonly string[],
  ) {
    await this.#turn();
    const { number, written } = this.#partitions[partition]!;
    const commit = { number, nonce: `n${number}` };
    if (!since || number - since.number >= this.#ring) return { commit, written: undefined };
    const after = written.filter((each) => each.number > since.number && types.includes(each.type));
    const named = new Map(
      after.map(({ type, id }) => [`${type}:${id}`, { typeAt: types.indexOf(type), id }]),
    );
    const many = [...named.values()];
    if (many.length > ROWS_MAX) return { commit, written: { many } };
    const rowOf = (typeAt: number, id: string) => this.now(partition, types[typeAt]!).get(id);
    return {
      commit,
      written: many.map(({ typeAt, id }) => ({ typeAt, id, row: rowOf(typeAt, id) ?? null })),
    };
  }

  async *pieces(partition: number, type: string): AsyncGenerator<RecordPiece> {
    const ids = [...this.now(partition, type).keys()];
    for (let from = 0; from < ids.length; from += PIECE) {
      await this.#turn();
      const now = this.now(partition, type);
      const some = ids.slice(from, from + PIECE + 1).filter((id) => now.has(id));
      this.read += some.length;
      yield { ids: some.map((id) => Buffer.from(id)), rows: some.map((id) => now.get(id)!) };
    }
  }

  async whole(partition: number, types: readonly string[]) {
    await this.#turn();
    const { number } = this.#partitions[partition]!;
    const all = types.map((type): RecordPiece => {
      const now = this.now(partition, type);
      return { ids: [...now.keys()].map((id) => Buffer.from(id)), rows: [...now.values()] };
    });
    return { commit: { number, nonce: `n${number}` }, types: all };
  }

  async rows(partition: number, type: string, ids: readonly string[]) {
    await this.#turn();
    const now = this.now(partition, type);
    return ids.map((id) => now.get(id) ?? null);
  }

  close(): void {}

  async #turn(): Promise<void> {
    this.meanwhile();
    await Promise.resolve();
    this.meanwhile();
  }
}
