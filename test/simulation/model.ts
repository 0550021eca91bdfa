/**
 * model.ts – What every record ought to be after the changes that were sent: plain objects, no
 * engine.
 *
 * Keeps true: `version` counts the changes of a record that changed something, so that one that is
 * applied twice shows.
 */
import type { Change } from '../../src/change/change.ts';
import type { ObjectType } from '../../src/change/object-type.ts';

export interface ModelRecord {
  readonly objectType: string;
  readonly id: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly isArchived: boolean;
  readonly version: number;
}

export class Model {
  readonly records = new Map<string, ModelRecord>();

  get(objectType: string, id: string): ModelRecord | undefined {
    return this.records.get(`${objectType}:${id}`);
  }

  live(objectType: string): ModelRecord[] {
    return [...this.records.values()].filter(
      (record) => record.objectType === objectType && !record.isArchived,
    );
  }

  apply({ op, object_type: objectType, id, data = {} }: Change): void {
    const old = this.get(objectType, id);
    if (op === 'delete') this.records.delete(`${objectType}:${id}`);
    else if (op === 'put')
      this.#write({ objectType, id, isArchived: old?.isArchived ?? false, data }, old);
    else if (old && op === 'patch') this.#write({ ...old, data: patched(old.data, data) }, old);
    else if (old) this.#write({ ...old, isArchived: op === 'archive' }, old);
  }

  #write(record: Omit<ModelRecord, 'version'>, old: ModelRecord | undefined): void {
    const isSame =
      old !== undefined &&
      old.isArchived === record.isArchived &&
      text(old.data) === text(record.data);
    const version = (old?.version ?? 0) + (isSame ? 0 : 1);
    this.records.set(`${record.objectType}:${record.id}`, { ...record, version });
  }
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
