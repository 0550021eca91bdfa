/**
 * catalog-log.ts – The port behind which the catalog is stored: its entries, and the log of its
 * latest versions.
 *
 * Keeps true: a version is written as a whole, and only on top of the version that it was made for.
 * It holds the change, the secret that comes with it, the slugs that readers of the store go by,
 * and its log entry.
 */
import type { CatalogChange, CatalogContent } from './catalog.ts';
import type { RevisionTexts, RevisionWrite } from './histories.ts';

/** The secret that an activation signs with: beside the catalog, and in no entry of it. */
export interface ActivationSecret {
  readonly activation: string;
  readonly secret: string;
}

/** The terms that are fixed when a deployment is first started. */
export interface FoundingTerms {
  readonly partitions: number;
  readonly timeZone: string;
  readonly semantics: number;
}

export interface StoredFounding extends FoundingTerms {
  readonly install: string;
  /** Of the installation: nothing that is answered shows it. */
  readonly secret: string;
  /** Whether every partition carries the install id, so that one which lost it is noticed. */
  readonly isWhole: boolean;
}

/** An entry of the log. `position` is opaque: it is where to go on. */
export interface LoggedVersion {
  readonly position: string;
  readonly version: number;
  readonly change: CatalogChange;
}

/** A version as it is written. */
export interface WrittenVersion {
  /** The version that the change was made for. */
  readonly version: number;
  readonly change: CatalogChange;
  readonly secret?: ActivationSecret | undefined;
  /** Slugs whose predicate is not the stored one: null removes one. */
  readonly slugs?: readonly (readonly [slug: string, predicateId: number | null])[];
  /** Texts of revisions that come and go with it. */
  readonly texts?: readonly RevisionWrite[];
}

/** `conflict`: another process was faster, and nothing was written. */
export interface VersionAnswer {
  readonly status: 'ok' | 'conflict';
  readonly version: number;
}

export interface CatalogLog extends RevisionTexts {
  /** Stores the terms if there are none. @returns those that hold */
  found(terms: FoundingTerms): Promise<StoredFounding>;

  /**
   * Gives every partition the install id, and then notes that all have it.
   * @returns what belongs to another deployment, as the subject of a sentence; else undefined
   */
  foundPartitions(partitions: number, install: string): Promise<string | undefined>;

  /** The version that is stored now. */
  version(): Promise<number>;

  /** All of the catalog, from one instant. */
  read(): Promise<CatalogContent>;

  /** The position of the last entry of the log. */
  end(): Promise<string>;

  /** The next versions after a position, a bounded number of them. */
  since(position: string): Promise<LoggedVersion[]>;

  /** From now on `onVersions` gets what comes after the position, in order. */
  follow(position: string, onVersions: (versions: readonly LoggedVersion[]) => void): void;

  write(written: WrittenVersion): Promise<VersionAnswer>;

  /**
   * For readers of the store: slug → predicate id as text. What is no such list is removed first.
   */
  slugs(): Promise<ReadonlyMap<string, string>>;

  /** Whether the store was left for good: nothing more can be asked of it. */
  readonly isClosed: boolean;
}
