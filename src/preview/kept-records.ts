/**
 * kept-records.ts – The records that previews look at, by partition, kept between one preview and
 * the next: a person who types asks again before much has changed.
 *
 * Keeps true: what is given of a partition is of one commit, named with it. What is known is
 * brought up to the present one by the records that were written since; a partition is read anew
 * only if nobody knows them any more, or other attributes are asked for. It is read in pieces, each
 * as it is at some moment; what was written meanwhile is read again until nothing was. What is kept
 * weighs no more than `bytesMax`.
 */
import type { CommitMark } from '../membership/partition-status.ts';
import type { RunPace } from './pace.ts';
import type { RecordPiece, RecordSource, WrittenRecord } from './record-source.ts';
import { RecordTable, TableBuilder, type TableWrite } from './record-table.ts';
import type { WantedAttributes } from './row-scan.ts';

/** Beyond it a partition is read in one go. */
const ATTEMPTS_MAX = 3;
/** How often what was written meanwhile is read. */
const ROUNDS_MAX = 6;
/** Records that are read at once by their ids. */
const ROWS_A_READ = 256;
/** Rows between two looks at the clock. */
const LOOK_ROWS = 64;
/** What earlier previews have asked for is read again beside that of now, up to so much. */
const ATTRIBUTES_MAX = 16;

/** What is asked of the records of a type. */
export interface WantedRecords {
  readonly objectType: string;
  readonly attributes: WantedAttributes;
}

/** Records of a partition at one commit, by type. */
export interface PartitionTables {
  readonly commit: CommitMark;
  readonly tables: ReadonlyMap<string, RecordTable>;
}

export class KeptRecords {
  readonly #source: RecordSource;
  readonly #bytesMax: number;
  readonly #kept = new Map<number, PartitionTables>();
  /** A partition is brought up by one run at a time. */
  readonly #underWay = new Map<number, Promise<unknown>>();
  #bytes = 0;

  constructor(source: RecordSource, bytesMax: number) {
    this.#source = source;
    this.#bytesMax = bytesMax;
  }

  get source(): RecordSource {
    return this.#source;
  }

  /** About the bytes that are kept. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The records of a partition as of its present commit, or a later one. */
  tables(
    partition: number,
    wanted: readonly WantedRecords[],
    pace: RunPace,
  ): Promise<PartitionTables> {
    const before = this.#underWay.get(partition) ?? Promise.resolve();
    const brought = before.then(() => this.#bring(partition, wanted, pace));
    const settled = brought.catch(() => {});
    this.#underWay.set(partition, settled);
    return brought;
  }

  async #bring(
    partition: number,
    wanted: readonly WantedRecords[],
    pace: RunPace,
  ): Promise<PartitionTables> {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const brought = await this.#upToNow(partition, wanted, pace);
      if (brought) return this.#keep(partition, wanted, brought);
      this.#drop(partition);
    }
    return this.#keep(partition, wanted, await this.#inOneGo(partition, wanted));
  }

  /** @returns undefined if too much was written meanwhile to be told */
  async #upToNow(
    partition: number,
    wanted: readonly WantedRecords[],
    pace: RunPace,
  ): Promise<PartitionTables | undefined> {
    const kept = this.#kept.get(partition);
    const known = kept ? await this.#caughtUp(partition, kept, pace) : undefined;
    if (known && wanted.every((each) => hasAll(known, each))) return known;
    const { commit } = known ?? (await this.#source.changes(partition, undefined, []));
    const tables = new Map(known?.tables);
    for (const each of wanted) {
      const { objectType, attributes } = each;
      const table = tables.get(objectType);
      if (table?.has(attributes)) continue;
      const all = table ? together(attributes, table.wanted) : attributes;
      tables.set(objectType, await this.#read(partition, objectType, all, pace));
    }
    return this.#caughtUp(partition, { commit, tables }, pace);
  }

  async #read(
    partition: number,
    objectType: string,
    attributes: WantedAttributes,
    pace: RunPace,
  ): Promise<RecordTable> {
    const builder = new TableBuilder(attributes);
    for await (const { ids, rows } of this.#source.pieces(partition, objectType)) {
      for (let at = 0; at < rows.length; at++) {
        builder.add(ids[at]!, rows[at]!);
        if (at % LOOK_ROWS === 0) await pace.breath();
      }
    }
    return builder.table();
  }

  /** @returns undefined if nobody knows what was written, or it does not end */
  async #caughtUp(
    partition: number,
    from: PartitionTables,
    pace: RunPace,
  ): Promise<PartitionTables | undefined> {
    const names = [...from.tables.keys()];
    let { commit, tables } = from;
    for (let round = 0; round < ROUNDS_MAX; round++) {
      const now = await this.#source.changes(partition, commit, names);
      if (!now.written) return undefined;
      if (now.commit.number !== commit.number) pace.noteChanges();
      commit = now.commit;
      if (!('many' in now.written)) {
        return { commit, tables: await writtenTo(tables, names, now.written, pace) };
      }
      // They are read one after the other: what is written meanwhile is looked for again.
      const rows = await this.#rowsOf(partition, names, now.written.many);
      tables = await writtenTo(tables, names, rows, pace);
    }
    return undefined;
  }

  async #rowsOf(
    partition: number,
    names: readonly string[],
    many: readonly Omit<WrittenRecord, 'row'>[],
  ): Promise<WrittenRecord[]> {
    const found: WrittenRecord[] = [];
    for (const [typeAt, name] of names.entries()) {
      const ids = many.filter((each) => each.typeAt === typeAt).map(({ id }) => id);
      for (let from = 0; from < ids.length; from += ROWS_A_READ) {
        const some = ids.slice(from, from + ROWS_A_READ);
        const rows = await this.#source.rows(partition, name, some);
        for (const [at, id] of some.entries()) found.push({ typeAt, id, row: rows[at] ?? null });
      }
    }
    return found;
  }

  async #inOneGo(partition: number, wanted: readonly WantedRecords[]): Promise<PartitionTables> {
    const names = wanted.map(({ objectType }) => objectType);
    const { commit, types } = await this.#source.whole(partition, names);
    const tables = types.map((piece, at) => tableOf(piece, wanted[at]!.attributes));
    return { commit, tables: new Map(names.map((name, at) => [name, tables[at]!])) };
  }

  /** Keeps what there is room for: first that of now. What is not kept is read again. */
  #keep(
    partition: number,
    wanted: readonly WantedRecords[],
    brought: PartitionTables,
  ): PartitionTables {
    this.#drop(partition);
    const names = new Set(wanted.map(({ objectType }) => objectType));
    const kept = new Map<string, RecordTable>();
    const [first, rest] = [names, [...brought.tables.keys()].filter((name) => !names.has(name))];
    for (const name of [...first, ...rest]) {
      const table = brought.tables.get(name)!;
      if (this.#bytes + table.bytes > this.#bytesMax) continue;
      kept.set(name, table);
      this.#bytes += table.bytes;
    }
    if (kept.size > 0) this.#kept.set(partition, { commit: brought.commit, tables: kept });
    return brought;
  }

  #drop(partition: number): void {
    this.#kept.delete(partition);
    this.#bytes = 0;
    for (const { tables } of this.#kept.values())
      for (const { bytes } of tables.values()) this.#bytes += bytes;
  }
}

function hasAll({ tables }: PartitionTables, { objectType, attributes }: WantedRecords): boolean {
  return tables.get(objectType)?.has(attributes) === true;
}

function together(asked: WantedAttributes, before: WantedAttributes): WantedAttributes {
  if (asked.revision !== before.revision) return asked;
  const attributes = new Map([...asked.attributes, ...before.attributes]);
  const keys = [...new Set([...asked.keys, ...before.keys])];
  return attributes.size + keys.length > ATTRIBUTES_MAX ? asked : { ...asked, attributes, keys };
}

async function writtenTo(
  tables: ReadonlyMap<string, RecordTable>,
  names: readonly string[],
  written: readonly WrittenRecord[],
  pace: RunPace,
): Promise<ReadonlyMap<string, RecordTable>> {
  if (written.length === 0) return tables;
  const after = new Map(tables);
  for (const [typeAt, name] of names.entries()) {
    const own = written.filter((each) => each.typeAt === typeAt);
    if (own.length === 0) continue;
    after.set(name, tables.get(name)!.with(own));
    await pace.breath();
  }
  return after;
}

function tableOf({ ids, rows }: RecordPiece, attributes: WantedAttributes): RecordTable {
  const records = function* (): Iterable<TableWrite> {
    for (let at = 0; at < rows.length; at++) yield { id: ids[at]!.toString(), row: rows[at]! };
  };
  return RecordTable.empty(attributes).with(records());
}
