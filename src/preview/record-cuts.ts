/**
 * record-cuts.ts – What a preview asks of the place where records are kept.
 */
import type { CommitMark } from '../membership/partition-status.ts';

/** The records of a type, as they are stored. */
export interface TypeCut {
  readonly rows: readonly Buffer[];
  /** In the order of the rows; undefined: they were not asked for. */
  readonly ids: readonly Buffer[] | undefined;
}

/** A partition at one commit. */
export interface PartitionCut {
  readonly commit: CommitMark;
  /** By type, in the order in which they were asked for. */
  readonly types: readonly TypeCut[];
}

/** The records of a type that are asked for. */
export interface TypeWish {
  readonly objectType: string;
  readonly withIds: boolean;
}

export interface RecordCuts {
  readonly partitions: number;
  /** How many records of these types there are, by partition. */
  sizes(objectTypes: readonly string[]): Promise<number[]>;
  /** All records of some types, of one commit. */
  read(partition: number, types: readonly TypeWish[]): Promise<PartitionCut>;
  /** Records of a partition as they are now; null: there is none. */
  rows(partition: number, objectType: string, ids: readonly string[]): Promise<(string | null)[]>;
  close(): void;
}
