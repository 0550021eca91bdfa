/**
 * seeding.ts – Plans a seed, and carries it out.
 *
 * Keeps true: every item is checked before the first is written, records too, so a seed with a
 * fault changes nothing. Definitions are one write of the catalog; records follow, as changes.
 * Items are read piece by piece and more than once. Only definitions, and what expressions ask for,
 * are held.
 */

import type { Edit } from '../catalog/edit.ts';
import {
  changedMembers,
  type DefinitionPlan,
  isDefinition,
  planDefinitions,
  readSeedItem,
  type SeedEntry,
  type SeedError,
  type SeedItem,
  type SeedPlan,
  seedError,
  unknownKind,
} from '../catalog/seeds.ts';
import { type Change, parseChange } from '../change/change.ts';
import type { ObjectType } from '../change/object-type.ts';
import type { Deployment } from '../engine/deployment.ts';
import { Problem } from '../errors.ts';
import type { ReadOptions } from '../membership/read-options.ts';
import { pushTo } from '../multimap.ts';
import { applyChanges } from './apply-changes.ts';
import { Lookups } from './lookups.ts';
import { findRepeated } from './repeated.ts';

/** An item as it came, with its place in the seed. */
export type GivenItem = readonly [index: number, item: unknown];
/** The items of a seed, as often as it is asked for them. */
export type SeedSource = () => AsyncIterable<readonly GivenItem[]>;

type Needed = Pick<Deployment, 'store' | 'records' | 'ingest' | 'founding'>;

/** What a seed would do, and what is needed to do it. */
export interface Examined {
  readonly plan: SeedPlan;
  /** How many items land in each list, also where the lists are cut. */
  readonly totals: { readonly create: number; readonly update: number; readonly unchanged: number };
  readonly definitions: readonly SeedItem[];
  readonly lookups: Lookups;
}

const READ: ReadOptions = { consistency: 'strong', timeoutMs: 60_000 };

/** The notes on items, at most so many of each list. */
class Lists {
  readonly create: SeedEntry[] = [];
  readonly update: SeedEntry[] = [];
  readonly unchanged: SeedEntry[] = [];
  readonly errors: SeedError[] = [];
  readonly totals = { create: 0, update: 0, unchanged: 0 };
  readonly #most: number;
  readonly #refused = new Set<number>();

  constructor(most: number) {
    this.#most = most;
  }

  add(list: 'create' | 'update' | 'unchanged', entry: SeedEntry): void {
    this.totals[list]++;
    if (this[list].length < this.#most) this[list].push(entry);
  }

  addPlan(plan: SeedPlan): void {
    for (const list of ['create', 'update', 'unchanged'] as const)
      for (const entry of plan[list]) this.add(list, entry);
    for (const error of plan.errors) this.refuse(error);
  }

  isRefused({ index }: SeedItem): boolean {
    return this.#refused.has(index);
  }

  /** Each item once: what was refused is looked at no more closely. */
  refuse(error: SeedError): void {
    if (this.#refused.has(error.index)) return;
    this.#refused.add(error.index);
    if (this.errors.length < this.#most) this.errors.push(error);
  }
}

/**
 * Looks at all of a seed; writes nothing. `listed` bounds what is listed, not what is looked at.
 */
export async function examineSeed(
  source: SeedSource,
  needed: Needed,
  listed: number,
): Promise<Examined> {
  const { store, records, founding } = needed;
  const lists = new Lists(listed);
  const lookups = new Lookups();
  const definitions = await readThrough(source, lists, lookups);
  const plan = planDefinitions(await store.refresh(), definitions, founding.timeZone);
  lists.addPlan(plan);
  const first = definitions[0];
  if (plan.change && first) attempt(first, lists, () => store.quota.check(plan.change!));
  if (lookups.isWanted) {
    const { timeZone } = founding;
    const [types, stored] = [plan.objectTypes, store.catalog.objectTypes];
    await lookups.find(recordItems(source), { types, stored, records, timeZone });
  }
  await refuseRepeated(source, lookups, lists);
  await examineRecords(source, plan, lookups, lists, needed);
  const { create, update, unchanged, totals } = lists;
  const errors = lists.errors.sort((a, b) => a.index - b.index);
  return { plan: { create, update, unchanged, errors }, totals, definitions, lookups };
}

/**
 * @throws Problem seed_invalid with the faults of an examined seed, if there are any; catalog_full
 * if that is all
 */
export function refuseFaulty({ plan: { errors } }: Examined): void {
  const [first] = errors;
  if (!first) return;
  const { index, object_type: kind, name, slug, id, detail, code } = first;
  if (code === 'catalog_full') throw new Problem(code, detail, [{ path: '', detail }]);
  const item = [kind, name ?? slug ?? id].filter(Boolean).join(' ');
  const rest = errors.length > 1 ? ` (and ${errors.length - 1} more)` : '';
  throw new Problem(
    'seed_invalid',
    `item ${index}${item ? `, ${item}` : ''}: ${detail}${rest}`,
    allFaults(errors),
  );
}

/** Writes the definitions, all of them or none. */
export async function applyDefinitions(
  { definitions }: Pick<Examined, 'definitions'>,
  edit: Edit,
  { store, founding: { timeZone } }: Needed,
): Promise<void> {
  if (definitions.length === 0) return;
  await store.write((catalog) => {
    const plan = planDefinitions(catalog, definitions, timeZone, edit);
    const [first] = plan.errors;
    // It was checked before: others have changed the catalog since.
    if (first) throw new Problem('seed_invalid', first.detail, allFaults(plan.errors));
    return plan.change;
  });
}

/**
 * Writes the records among some items. @throws Problem seed_invalid if the catalog has changed so
 * that one does not fit any more
 */
export async function applyRecords(
  items: readonly GivenItem[],
  lookups: Lookups,
  { store, ingest, founding: { timeZone } }: Needed,
): Promise<void> {
  const records = recordsAmong(items);
  if (records.length === 0) return;
  const { rejected } = await applyChanges(ingest, async (session) => {
    for (const item of records) {
      const change = changeOf(item, lookups, store.catalog.objectTypes, timeZone);
      await session.addParsed(item.index + 1, change);
    }
  });
  const [first] = rejected;
  if (first) throw new Problem('seed_invalid', `item ${first.line - 1}: ${first.detail}`);
}

/** Reads all envelopes. @returns the definitions */
async function readThrough(
  source: SeedSource,
  lists: Lists,
  lookups: Lookups,
): Promise<SeedItem[]> {
  const definitions: SeedItem[] = [];
  for await (const items of source()) {
    for (const [index, given] of items) {
      const item = readSeedItem(index, given);
      if ('errors' in item) lists.refuse(item);
      else if (isDefinition(item)) definitions.push(item);
      else {
        attempt(item, lists, () => {
          lookups.want(item.data);
          lookups.want(item.id);
        });
      }
    }
  }
  return definitions;
}

/** Refuses a record that is in the seed twice: which of the two holds can't be known. */
async function refuseRepeated(source: SeedSource, lookups: Lookups, lists: Lists): Promise<void> {
  const identities = async function* () {
    for await (const items of recordItems(source))
      yield items.map((item) => [item, identityOf(item, lookups)] as const);
  };
  for (const [item, first] of await findRepeated(identities)) {
    const detail = `the record is in the seed twice, also at /${first.index}`;
    lists.refuse(seedError(item, new Problem('seed_invalid', detail, [{ path: '/id', detail }])));
  }
}

/** Undefined if the item has none, or one that can't be resolved: it is refused for that. */
function identityOf(
  { objectType, data, id = data['id'] }: SeedItem,
  lookups: Lookups,
): string | undefined {
  try {
    const { resolved } = lookups.resolve({ resolved: id });
    return typeof resolved === 'string' ? `${objectType} ${resolved}` : undefined;
  } catch (error) {
    if (error instanceof Problem) return undefined;
    throw error;
  }
}

async function examineRecords(
  source: SeedSource,
  plan: DefinitionPlan,
  lookups: Lookups,
  lists: Lists,
  { store, records, founding: { timeZone } }: Needed,
): Promise<void> {
  let isCaughtUp = false;
  for await (const items of recordItems(source)) {
    const changes = new Map<SeedItem, Change>();
    for (const item of items) {
      if (lists.isRefused(item)) continue;
      if (!plan.objectTypes.has(item.objectType)) lists.refuse(unknownKind(item));
      else
        attempt(item, lists, () =>
          changes.set(item, changeOf(item, lookups, plan.objectTypes, timeZone)),
        );
    }
    for (const [objectType, some] of byType(changes)) {
      const isStored = store.catalog.objectTypes.has(objectType);
      if (isStored && !isCaughtUp)
        await records.page(objectType, { limit: 1, cursor: undefined }, READ);
      isCaughtUp ||= isStored;
      const stored = await records.some(
        objectType,
        some.map(({ id }) => id),
      );
      for (const [at, { id, data = {} }] of some.entries()) {
        const old = stored[at];
        const entry = { object_type: objectType, id };
        const changed = old ? changedMembers(old.data, data) : [];
        if (!old) lists.add('create', entry);
        else if (changed.length > 0) lists.add('update', { ...entry, changed });
        else lists.add('unchanged', entry);
      }
    }
  }
}

function attempt(item: SeedItem, lists: Lists, look: () => void): void {
  try {
    look();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    lists.refuse(seedError(item, error));
  }
}

async function* recordItems(source: SeedSource): AsyncGenerator<SeedItem[]> {
  for await (const items of source()) yield recordsAmong(items);
}

function recordsAmong(items: readonly GivenItem[]): SeedItem[] {
  const read = items.map(([index, given]) => readSeedItem(index, given));
  return read.filter((item): item is SeedItem => !('errors' in item) && !isDefinition(item));
}

/**
 * The change that a record of a seed is: its id among its attributes, or beside them if they hold
 * one themselves.
 * @throws Problem with pointers into the data
 */
function changeOf(
  { objectType, data, id: beside }: SeedItem,
  lookups: Lookups,
  types: ReadonlyMap<string, ObjectType>,
  timeZone: string,
): Change {
  const resolved = lookups.resolve(data);
  const { id: within, ...others } = resolved;
  const [id, attributes] =
    beside === undefined ? [within, others] : [lookups.resolve({ beside }).beside, resolved];
  try {
    return parseChange(
      { op: 'put', object_type: objectType, id, data: attributes },
      types,
      timeZone,
    );
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    const faults = error.errors.map(({ path, detail }) => ({
      path: path.replace(/^\/data/, ''),
      detail,
    }));
    throw new Problem(error.code, error.message, faults);
  }
}

function byType(changes: ReadonlyMap<SeedItem, Change>): Map<string, Change[]> {
  const types = new Map<string, Change[]>();
  for (const change of changes.values()) {
    pushTo(types, change.object_type, change);
  }
  return types;
}

function allFaults(errors: readonly SeedError[]) {
  return errors.flatMap((error) => error.errors);
}
