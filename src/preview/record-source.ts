/**
 * record-source.ts – What a preview asks of the place where records are kept.
 */
import type { CommitMark } from '../membership/partition-status.ts';

/** Some records of a type, as they are stored: each id with its row. */
export interface RecordPiece {
  readonly ids: readonly Buffer[];
  readonly rows: readonly Buffer[];
}

/** A record that was written; `row` is null if there is none any more. */
export interface WrittenRecord {
  /** Where its type stands among those that were asked for. */
  readonly typeAt: number;
  readonly id: string;
  readonly row: Buffer | null;
}

/** What has happened in a partition since a commit. */
export interface RecordChanges {
  readonly commit: CommitMark;
  /**
   * The records that were written, as they are at `commit`; `many`: only which ones they are;
   * undefined: nobody knows any more.
   */
  readonly written:
    | readonly WrittenRecord[]
    | { readonly many: readonly Omit<WrittenRecord, 'row'>[] }
    | undefined;
}

/** All records of some types, of one commit. */
export interface PartitionRecords {
  readonly commit: CommitMark;
  /** In the order in which the types were asked for. */
  readonly types: readonly RecordPiece[];
}

export interface RecordSource {
  readonly partitions: number;
  /** How many records of these types there are, by partition. */
  sizes(objectTypes: readonly string[]): Promise<number[]>;
  /**
   * The last commit of a partition, and what was written after an earlier one; undefined: only the
   * commit is asked for.
   */
  changes(
    partition: number,
    since: CommitMark | undefined,
    objectTypes: readonly string[],
  ): Promise<RecordChanges>;
  /**
   * All records of a type, piece by piece: what is there all the while comes at least once, as it
   * was at some moment meanwhile.
   */
  pieces(partition: number, objectType: string): AsyncIterable<RecordPiece>;
  /** All records of some types at one commit, in one go. */
  whole(partition: number, objectTypes: readonly string[]): Promise<PartitionRecords>;
  /** Records of a partition as they are now; null: there is none. */
  rows(partition: number, objectType: string, ids: readonly string[]): Promise<(Buffer | null)[]>;
  close(): void;
}
