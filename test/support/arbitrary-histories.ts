/**
 * arbitrary-histories.ts – Random histories of the records of one type, and the plain model of what
 * they leave behind.
 */
import fc from 'fast-check';
import type { Change } from '../../src/change/change.ts';
import type { ObjectType } from '../../src/change/object-type.ts';
import type { ReferenceRecord } from '../reference.ts';
import { attributesOf } from './arbitrary-queries.ts';

/** Few ids, so that changes meet the same records again. */
const IDS = ['a', 'b', 'c', 'd', 'ä', '10'];

export function changeOf(type: ObjectType): fc.Arbitrary<Change> {
  const base = { object_type: fc.constant(type.name), id: fc.constantFrom(...IDS) };
  const versioned = { source_version: fc.option(fc.nat({ max: 30 }), { freq: 4, nil: undefined }) };
  const withoutData = fc.constantFrom('archive' as const, 'restore' as const, 'delete' as const);
  return fc
    .oneof(
      {
        arbitrary: fc.record({
          op: fc.constant('put' as const),
          ...base,
          ...versioned,
          data: attributesOf(type),
        }),
        weight: 4,
      },
      {
        arbitrary: fc.record({
          op: fc.constant('patch' as const),
          ...base,
          ...versioned,
          data: patchOf(type),
        }),
        weight: 6,
      },
      { arbitrary: fc.record({ op: withoutData, ...base, ...versioned }), weight: 2 },
    )
    .map((change) => {
      const { source_version, ...rest } = change;
      return (source_version === undefined ? rest : change) as Change;
    });
}

/** Some attributes with values, some removed by null. */
function patchOf(type: ObjectType): fc.Arbitrary<Record<string, unknown>> {
  const names = [...type.attributes.keys()];
  return fc
    .record({
      values: attributesOf(type),
      kept: fc.subarray(names, { minLength: 1, maxLength: 2 }),
      removed: fc.subarray(names, { maxLength: 1 }),
    })
    .map(({ values, kept, removed }) => ({
      ...Object.fromEntries(
        kept.filter((name) => values[name] !== undefined).map((name) => [name, values[name]]),
      ),
      ...Object.fromEntries(removed.map((name) => [name, null])),
    }));
}

interface ModelRecord {
  data: Record<string, unknown>;
  archived: boolean;
}

/** What API.md says of changes, once more and plainly: the records that filters see. */
export class ModelRecords {
  readonly #records = new Map<string, ModelRecord>();
  readonly #sourceVersions = new Map<string, number>();

  apply({ op, id, data, source_version: sourceVersion }: Change): void {
    const last = this.#sourceVersions.get(id);
    if (sourceVersion !== undefined && last !== undefined && sourceVersion <= last) return;
    const record = this.#records.get(id);
    // a change of a record that does not exist leaves nothing behind, not even its number; a
    // deletion does
    if (!record && op !== 'put' && op !== 'delete') return;
    if (sourceVersion !== undefined) this.#sourceVersions.set(id, sourceVersion);
    if (op === 'put')
      this.#records.set(id, { data: { ...data }, archived: record?.archived ?? false });
    if (op === 'delete') this.#remove(id);
    if (!record) return;
    if (op === 'archive') record.archived = true;
    if (op === 'restore') record.archived = false;
    if (op === 'patch') {
      for (const [name, value] of Object.entries(data ?? {})) {
        if (value === null) delete record.data[name];
        else record.data[name] = value;
      }
    }
  }

  live(): ReferenceRecord[] {
    return [...this.#records]
      .filter(([, { archived }]) => !archived)
      .map(([id, { data }]) => ({ id, document: { ...data } }));
  }

  #remove(id: string): void {
    this.#records.delete(id);
  }
}
