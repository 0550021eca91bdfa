/**
 * model.ts – What every record ought to be after the changes that were sent: plain objects, no
 * engine.
 *
 * Keeps true: a version counts the changes of a record that changed something, so that one that is
 * applied twice shows.
 */
import type { Change } from '../../src/change/change.ts';
import type { ObjectType } from '../../src/change/object-type.ts';
import { exists, type RecordRow } from '../../src/change/record.ts';

export interface ModelRecord {
  readonly objectType: string;
  readonly id: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly isArchived: boolean;
  /** More than one if it was deleted before, and that may be forgotten by now. */
  readonly versions: readonly number[];
  /** Some change has said which version it is at its source: then a deletion is remembered. */
  readonly isSourced: boolean;
}

/** A deletion that is remembered for a while. */
interface Ghost {
  /** 0: it is forgotten. */
  readonly versions: readonly number[];
}

const NO_GHOST: Ghost = { versions: [0] };

export class Model {
  readonly records = new Map<string, ModelRecord>();
  readonly #ghosts = new Map<string, Ghost>();
  /** How often each record became another: what a writer has seen is that, or not any more. */
  readonly #edits = new Map<string, number>();

  get(objectType: string, id: string): ModelRecord | undefined {
    return this.records.get(`${objectType}:${id}`);
  }

  live(objectType: string): ModelRecord[] {
    return [...this.records.values()].filter(
      (record) => record.objectType === objectType && !record.isArchived,
    );
  }

  editsOf(objectType: string, id: string): number {
    return this.#edits.get(`${objectType}:${id}`) ?? 0;
  }

  /** `isMet`: whether its precondition is, if it has one. */
  apply(change: Change, isMet = true): void {
    const { op, object_type: objectType, id, data = {}, source_version: source } = change;
    const old = this.get(objectType, id);
    if (change.precondition && !(isMet && (old || op === 'put'))) return;
    const isSourced = old?.isSourced === true || source !== undefined;
    const given = { objectType, id, isSourced };
    if (op === 'delete') this.#delete(`${objectType}:${id}`, old, isSourced);
    else if (op === 'put')
      this.#write({ ...given, isArchived: old?.isArchived ?? false, data }, old);
    else if (old && op === 'patch')
      this.#write({ ...old, isSourced, data: patched(old.data, data) }, old);
    else if (old) this.#write({ ...old, isSourced, isArchived: op === 'archive' }, old);
  }

  #write(record: Omit<ModelRecord, 'versions'>, old: ModelRecord | undefined): void {
    const key = `${record.objectType}:${record.id}`;
    const ghost = this.#ghosts.get(key) ?? NO_GHOST;
    const isSourced = record.isSourced || (!old && ghost !== NO_GHOST);
    const isSame =
      old !== undefined &&
      old.isArchived === record.isArchived &&
      text(old.data) === text(record.data);
    const versions = next(old?.versions ?? ghost.versions, isSame ? 0 : 1);
    this.#ghosts.delete(key);
    if (!isSame) this.#edits.set(key, (this.#edits.get(key) ?? 0) + 1);
    this.records.set(key, { ...record, isSourced, versions });
  }

  #delete(key: string, old: ModelRecord | undefined, isSourced: boolean): void {
    const before = old?.versions ?? this.#ghosts.get(key)?.versions ?? NO_GHOST.versions;
    this.records.delete(key);
    if (old) this.#edits.set(key, (this.#edits.get(key) ?? 0) + 1);
    // Of a record that there is not, a deletion is remembered, too, or had been remembered before.
    const isGhost = isSourced || this.#ghosts.has(key);
    if (isGhost)
      this.#ghosts.set(key, { versions: [...new Set([0, ...before, ...next(before, 1)])] });
  }

  /** Forgets what was known of some ids. */
  forget(isForgotten: (id: string) => boolean): void {
    for (const all of [this.records, this.#ghosts])
      for (const key of all.keys())
        if (isForgotten(key.slice(key.indexOf(':') + 1))) all.delete(key);
  }

  /** A record, or what is remembered of its deletion, is what is stored of it. */
  recall(objectType: string, id: string, record: RecordRow): void {
    const key = `${objectType}:${id}`;
    const { data, version, archivedAt } = record;
    if (!exists(record)) {
      this.#ghosts.set(key, { versions: [0, version] });
      return;
    }
    const isSourced = record.sourceVersion !== undefined;
    const isArchived = archivedAt !== undefined;
    this.records.set(key, { objectType, id, data, isArchived, isSourced, versions: [version] });
  }
}

function next(versions: readonly number[], by: number): number[] {
  return versions.map((version) => version + by);
}

function patched(data: ModelRecord['data'], given: ModelRecord['data']): ModelRecord['data'] {
  return Object.fromEntries(
    Object.entries({ ...data, ...given }).filter(([, value]) => value !== null),
  );
}

/**
 * The values as filters see them: those that are of their attributes' declared types. Only numbers,
 * texts and moments are re-typed here.
 */
export function fitting(
  data: ModelRecord['data'],
  { attributes }: ObjectType,
): ModelRecord['data'] {
  const isFitting = ([name, value]: [string, unknown]) => {
    const type = attributes.get(name)?.type;
    return (type !== 'number' && type !== 'string') || typeof value === type;
  };
  const fit = ([name, value]: [string, unknown]) =>
    attributes.get(name)?.type === 'date' ? [name, dayOf(String(value))] : [name, value];
  return Object.fromEntries(Object.entries(data).filter(isFitting).map(fit));
}

/** In UTC, of a datetime in normal form. */
export function dayOf(moment: string): string {
  return moment.slice(0, 10);
}

/** The same for the same values. */
export function text(data: ModelRecord['data']): string {
  return JSON.stringify(Object.entries(data).sort(([a], [b]) => (a < b ? -1 : 1)));
}
