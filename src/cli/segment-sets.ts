/**
 * segment-sets.ts – The place of a segment's members, for programs that read them in Redis
 * themselves.
 *
 * Keeps true: what is shown of the Redis holds no user and no password.
 */

/** The members of one partition: a set of ids, and a field of a hash that counts them. */
export interface SegmentSet {
  readonly set: string;
  readonly members: number;
  readonly countsHash: string;
  readonly countsField: string;
  /** The command that reads the set. */
  readonly command: string;
}

export interface SegmentSets {
  /** The command that reads which predicate's sets answer for a segment. */
  slugCommand(slug: string): string;
  /** Host, port and database; `hasPassword`: there is more to it than is shown. */
  readonly address: string;
  readonly hasPassword: boolean;
  /** The sets of a predicate, one for each partition. */
  of(predicateId: number): Promise<SegmentSet[]>;
}
