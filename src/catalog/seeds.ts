/**
 * seeds.ts – Definitions that travel: the catalog as a list of items, and a plan for such a list.
 *
 * Keeps true: a plan is one draft, so a seed is taken over as a whole or not at all. Each item
 * lands in exactly one list of the plan. The order of items does not matter, and types may refer to
 * each other in circles. What is there already, member for member, is left alone. Planning does no
 * I/O, so that it can be repeated when others change the catalog meanwhile.
 */

import { CAUSES } from '../change/cause.ts';
import {
  isObject,
  type ObjectType,
  type ObjectTypeDefinition,
  objectType,
  objectTypeDefinition,
  parseObjectType,
} from '../change/object-type.ts';
import { type ErrorCode, type Fault, Problem, pointer } from '../errors.ts';
import { type CompiledQuery, compileQuery } from '../query/dialects/compile.ts';
import type { Catalog, StoredSegment } from './catalog.ts';
import { CatalogDraft } from './catalog-draft.ts';
import { type Edit, isSameJson, UNSIGNED } from './edit.ts';
import type { ChangeWithTexts } from './histories.ts';
import { refuseMoved } from './naming.ts';
import { placeObjectTypes, recompile } from './object-types.ts';
import {
  type NamedSegments,
  namedScope,
  parseSegment,
  readSegment,
  reassign,
  type SegmentInput,
  segmentInput,
  selfReference,
} from './segments.ts';
import { parseView, placeView, viewInput } from './views.ts';

export const DEFINITION_KINDS = ['object_types', 'segments', 'views'] as const;
export type DefinitionKind = (typeof DEFINITION_KINDS)[number];

/** The member that identifies an item of its kind. */
const IDENTITY = { object_types: 'name', segments: 'slug', views: 'slug' } as const;

/** One item of a seed: of a kind of definition, else a record of the type that it names. */
export interface SeedItem {
  /** From 0. */
  readonly index: number;
  readonly objectType: string;
  readonly data: Readonly<Record<string, unknown>>;
  /** Of a record: its id, if it stands beside its data and not within. */
  readonly id?: unknown;
  /** A segment as it is, without an envelope: pointers lead into the item itself. */
  readonly isBare?: boolean;
}

/** Names an item in an answer. */
export interface SeedEntry {
  readonly object_type: string;
  readonly name?: string;
  readonly slug?: string;
  readonly id?: string;
  /** Of an update: the members that become others. */
  readonly changed?: readonly string[];
}

export interface SeedError extends Omit<SeedEntry, 'changed'> {
  readonly index: number;
  readonly code: ErrorCode;
  readonly detail: string;
  /** Pointers into the seed. */
  readonly errors: readonly Fault[];
}

export interface SeedPlan {
  readonly create: readonly SeedEntry[];
  readonly update: readonly SeedEntry[];
  readonly unchanged: readonly SeedEntry[];
  readonly errors: readonly SeedError[];
}

export interface DefinitionPlan extends SeedPlan {
  /** The change to be written, if there are no errors and something changes. */
  readonly change: ChangeWithTexts | undefined;
  /** The types as they would be. */
  readonly objectTypes: ReadonlyMap<string, ObjectType>;
}

export function isDefinition({ objectType: kind }: SeedItem): boolean {
  return (DEFINITION_KINDS as readonly string[]).includes(kind);
}

/** Reads the envelope of an item, or a segment without one. @returns the fault if it is neither */
export function readSeedItem(index: number, given: unknown): SeedItem | SeedError {
  const wrong = (path: string, detail: string): SeedError => ({
    object_type: isObject(given) && typeof given.object_type === 'string' ? given.object_type : '',
    index,
    code: 'seed_invalid',
    detail,
    errors: [{ path: `/${index}${path}`, detail }],
  });
  if (!isObject(given))
    return wrong('', 'an item is an object { "object_type", "data" }, or a segment');
  if (isBareSegment(given)) return { index, objectType: 'segments', data: given, isBare: true };
  const { object_type: name, data, id, ...rest } = given;
  if (typeof name !== 'string') return wrong('/object_type', `object_type is ${KINDS_THERE_ARE}`);
  if (!isObject(data)) return wrong('/data', 'data is an object');
  const isRecord = !(DEFINITION_KINDS as readonly string[]).includes(name);
  const other = isRecord || id === undefined ? Object.keys(rest)[0] : 'id';
  if (other !== undefined)
    return wrong(pointer('', other), `'${other}' is not a member of an item`);
  return { index, objectType: name, data, ...(id === undefined ? {} : { id }) };
}

/** `{ "title", "slug", "object_type", "query" }`: a view has columns, everything else has data. */
function isBareSegment(given: Readonly<Record<string, unknown>>): boolean {
  if ('data' in given || 'columns' in given) return false;
  return 'query' in given || ('slug' in given && 'title' in given);
}

const KINDS_THERE_ARE = `${DEFINITION_KINDS.join(', ')}, or a declared object type`;

export function unknownKind(item: SeedItem): SeedError {
  const { index, objectType: kind } = item;
  const detail = `there is no kind or object type '${kind}': an item is of ${KINDS_THERE_ARE}`;
  const errors = [{ path: `/${index}/object_type`, detail }];
  return { index, ...named(item), code: 'object_type_unknown', detail, errors };
}

/** A refusal in terms of the seed. */
export function seedError(item: SeedItem, problem: Problem): SeedError {
  const { index, isBare } = item;
  const base = isBare ? `/${index}` : `/${index}/data`;
  const faults =
    problem.errors.length > 0 ? problem.errors : [{ path: '', detail: problem.message }];
  return {
    index,
    ...named(item),
    code: problem.code,
    detail: problem.message,
    errors: faults.map(({ path, detail }) => ({ path: `${base}${path}`, detail })),
  };
}

function named({ objectType: kind, data, id }: SeedItem): SeedEntry {
  const member = Object.hasOwn(IDENTITY, kind) ? IDENTITY[kind as DefinitionKind] : 'id';
  const value = member === 'id' ? (id ?? data[member]) : data[member];
  return typeof value === 'string' ? { object_type: kind, [member]: value } : { object_type: kind };
}

/** Plans what the definitions of a seed would make of the catalog. */
export function planDefinitions(
  catalog: Catalog,
  items: readonly SeedItem[],
  timeZone: string,
  edit: Edit = UNSIGNED,
): DefinitionPlan {
  return new Planning(catalog, timeZone, edit).plan(items);
}

interface PlacedItem {
  readonly item: SeedItem;
  readonly entry: SeedEntry;
}

class Planning {
  readonly #catalog: Catalog;
  readonly #draft: CatalogDraft;
  readonly #timeZone: string;
  readonly #lists: Record<'create' | 'update' | 'unchanged', PlacedItem[]> = {
    create: [],
    update: [],
    unchanged: [],
  };
  readonly #errors: SeedError[] = [];
  readonly #seen = new Map<string, number>();
  /** Segments that are still to be placed, and those that are being. */
  readonly #waiting = new Map<string, { readonly item: SeedItem; readonly input: SegmentInput }>();
  readonly #underWay: string[] = [];
  readonly #refused = new Map<string, Problem>();
  /** Segments that were there and become others. */
  readonly #edited = new Map<string, StoredSegment>();
  /** What segments that stay as they are mean, now that types have changed. */
  readonly #anew = new Map<string, CompiledQuery>();
  #hasChangedTypes = false;
  readonly #named: NamedSegments = { anew: this.#anew, before: (slug) => this.#placeNamed(slug) };

  constructor(catalog: Catalog, timeZone: string, edit: Edit) {
    this.#catalog = catalog;
    this.#draft = new CatalogDraft(catalog, edit);
    this.#timeZone = timeZone;
  }

  plan(items: readonly SeedItem[]): DefinitionPlan {
    const of = (kind: DefinitionKind) =>
      items.filter((item) => item.objectType === kind && this.#isFirst(item));
    this.#objectTypes(of('object_types'));
    this.#segments(of('segments'));
    for (const item of of('views')) this.#attempt(item, () => this.#view(item));
    this.#recompile();
    const hasErrors = this.#errors.length > 0;
    const change = hasErrors ? undefined : this.#draft.finish();
    const refused = new Set(this.#errors.map(({ index }) => index));
    const { create, update, unchanged } = this.#lists;
    return {
      create: entriesOf(create, refused),
      update: entriesOf(update, refused),
      unchanged: entriesOf(unchanged, refused),
      errors: this.#errors.sort((a, b) => a.index - b.index),
      change: change && change.writes.length > 0 ? change : undefined,
      objectTypes: this.#draft.objectTypes(),
    };
  }

  #isFirst(item: SeedItem): boolean {
    const { name, slug } = named(item);
    const identity = `${item.objectType} ${name ?? slug}`;
    const first = this.#seen.get(identity);
    if (first === undefined || (name ?? slug) === undefined) {
      this.#seen.set(identity, item.index);
      return true;
    }
    const path = `/${IDENTITY[item.objectType as DefinitionKind]}`;
    const detail = `'${name ?? slug}' is in the seed twice, also at /${first}`;
    this.#errors.push(seedError(item, new Problem('seed_invalid', detail, [{ path, detail }])));
    return false;
  }

  /** @returns what was refused, if anything was */
  #attempt(item: SeedItem, place: () => void): Problem | undefined {
    try {
      place();
      return undefined;
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      this.#errors.push(seedError(item, error));
      return error;
    }
  }

  /** Notes where an item lands. @returns whether something is to be done */
  #land(item: SeedItem, old: object | undefined, given: object): boolean {
    const entry = named(item);
    if (!old) this.#lists.create.push({ item, entry });
    else {
      const changed = changedMembers(old, given);
      if (changed.length === 0) this.#lists.unchanged.push({ item, entry });
      else this.#lists.update.push({ item, entry: { ...entry, changed } });
      return changed.length > 0;
    }
    return true;
  }

  // ── object types ──

  /**
   * Read twice: first as if the others of the seed were empty, so that each may name any other,
   * then beside what these became.
   */
  #objectTypes(items: readonly SeedItem[]): void {
    const declared = new Map(this.#catalog.objectTypes);
    for (const name of typeNames(items)) declared.set(name, empty(name));
    for (const { data } of items) {
      if (typeof data.name !== 'string') continue; // reported below
      const { name } = data;
      try {
        declared.set(
          name,
          objectType(name, 0, parseObjectType(name, data, emptied(declared, items))),
        );
      } catch (error) {
        if (!(error instanceof Problem)) throw error; // it is met again, and reported, below
      }
    }
    const changed = new Map<string, ObjectTypeDefinition>();
    for (const item of items) {
      this.#attempt(item, () => {
        const name = typeNameOf(item);
        const definition = parseObjectType(name, item.data, declared);
        const old = this.#catalog.objectTypes.get(name);
        if (this.#land(item, old && objectTypeDefinition(old), definition))
          changed.set(name, definition);
      });
    }
    // An item with a fault stands in for itself, as far as it could be read: the other items are
    // not refused on its account.
    const faulty = items.filter(({ index }) => this.#errors.some((error) => error.index === index));
    for (const { data } of faulty) {
      if (typeof data.name === 'string')
        changed.set(data.name, objectTypeDefinition(declared.get(data.name)!));
    }
    this.#hasChangedTypes = changed.size > 0;
    if (this.#hasChangedTypes) placeObjectTypes(this.#draft, this.#catalog, changed);
  }

  // ── segments and views ──

  #segments(items: readonly SeedItem[]): void {
    for (const item of items) {
      this.#attempt(item, () => {
        const input = parseSegment(item.data);
        this.#waiting.set(input.slug, { item, input });
      });
    }
    for (const slug of [...this.#waiting.keys()]) this.#placeSegment(slug);
  }

  /** Places a segment after those that its query names. */
  #placeSegment(slug: string): void {
    if (this.#underWay.includes(slug))
      throw selfReference([...this.#underWay.slice(this.#underWay.indexOf(slug)), slug]);
    const waiting = this.#waiting.get(slug);
    if (!waiting) return;
    this.#waiting.delete(slug);
    this.#underWay.push(slug);
    const refused = this.#attempt(waiting.item, () => this.#segment(waiting.item, waiting.input));
    if (refused) this.#refused.set(slug, refused);
    this.#underWay.pop();
  }

  /** Before a query that names a segment is read on. */
  #placeNamed(slug: string): void {
    this.#placeSegment(slug);
    if (this.#hasChangedTypes && !this.#refused.has(slug)) this.#readAnew(slug);
    const refused = this.#refused.get(slug);
    if (!refused) return;
    const detail = `'${slug}', which the query refers to, is refused: ${refused.message}`;
    throw new Problem('query_invalid', detail, [{ path: '/query', detail }]);
  }

  /**
   * The stored query of a segment that no item has placed was compiled against the types as they
   * were.
   */
  #readAnew(slug: string): void {
    const stored = this.#catalog.segments.get(slug);
    const type = stored && this.#draft.objectTypes().get(stored.object_type);
    if (!type || this.#anew.has(slug) || this.#draft.segment(slug) !== stored) return;
    try {
      this.#anew.set(
        slug,
        compileQuery(stored.query, namedScope(this.#draft, type, this.#timeZone, this.#named)),
      );
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      this.#refused.set(slug, error);
    }
  }

  #segment(item: SeedItem, input: SegmentInput): void {
    const old = this.#catalog.segments.get(input.slug);
    if (old) refuseMoved(old, input, 'segment_invalid');
    const isUnchanged = old && changedMembers(segmentInput(old), input).length === 0;
    if (!isUnchanged) {
      const placed = readSegment(this.#draft, input, this.#timeZone, { named: this.#named });
      reassign(this.#draft, [placed]);
      if (old) this.#edited.set(input.slug, placed.filter);
    }
    this.#land(item, old && segmentInput(old), input);
  }

  #view(item: SeedItem): void {
    const input = parseView(item.data);
    const old = this.#catalog.views.get(input.slug);
    if (old) refuseMoved(old, input, 'view_invalid');
    const isUnchanged = old && changedMembers(viewInput(old), input).length === 0;
    if (!isUnchanged) placeView(this.#draft, input, this.#timeZone, this.#named);
    this.#land(item, old && viewInput(old), input);
  }

  /** Entries that were there may look at types and segments that change. */
  #recompile(): void {
    const changing = this.#lists.update.filter(({ item }) => item.objectType !== 'views');
    if (changing.length === 0 || this.#errors.length > 0) return;
    const cause = this.#hasChangedTypes ? CAUSES.catalog_changed : CAUSES.segment_edited;
    this.#attempt(changing[0]!.item, () =>
      recompile(this.#draft, this.#timeZone, this.#edited, cause),
    );
  }
}

function typeNameOf({ data }: SeedItem): string {
  if (typeof data.name === 'string') return data.name;
  const detail = 'name is required: the name of the type';
  throw new Problem('object_type_invalid', detail, [{ path: '/name', detail }]);
}

function emptied(
  declared: ReadonlyMap<string, ObjectType>,
  items: readonly SeedItem[],
): Map<string, ObjectType> {
  const types = new Map(declared);
  for (const name of typeNames(items)) types.set(name, empty(name));
  return types;
}

function typeNames(items: readonly SeedItem[]): string[] {
  return items.map(({ data }) => data.name).filter((name) => typeof name === 'string');
}

function empty(name: string): ObjectType {
  return objectType(name, 0, { attributes: {}, relationships: {} });
}

function entriesOf(placed: readonly PlacedItem[], refused: ReadonlySet<number>): SeedEntry[] {
  const kept = placed.filter(({ item }) => !refused.has(item.index));
  return kept.sort((a, b) => a.item.index - b.item.index).map(({ entry }) => entry);
}

/** The order of the members of an object does not matter. */
export function changedMembers(old: object, given: object): string[] {
  const [before, after] = [old, given] as [Record<string, unknown>, Record<string, unknown>];
  const members = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...members].filter((member) => !isSameJson(before[member], after[member]));
}

// ── export ──

export interface WrittenItem {
  readonly object_type: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/**
 * The definitions of a catalog, each after those that it refers to, else in the order of their
 * names; without ids and times.
 */
export function writeDefinitions(
  catalog: Catalog,
  kinds: readonly DefinitionKind[],
): WrittenItem[] {
  const { objectTypes, segments, views } = catalog;
  const items: WrittenItem[] = [];
  if (kinds.includes('object_types')) {
    const refersTo = (name: string) =>
      [...objectTypes.get(name)!.relationships.values()].map(({ to }) => to);
    for (const name of inOrder(objectTypes.keys(), refersTo)) {
      items.push({
        object_type: 'object_types',
        data: { name, ...objectTypeDefinition(objectTypes.get(name)!) },
      });
    }
  }
  if (kinds.includes('segments')) {
    for (const slug of inOrder(segments.keys(), (user) => segments.get(user)?.uses ?? []))
      items.push({ object_type: 'segments', data: { ...segmentInput(segments.get(slug)!) } });
  }
  if (kinds.includes('views')) {
    for (const slug of [...views.keys()].sort())
      items.push({ object_type: 'views', data: { ...viewInput(views.get(slug)!) } });
  }
  return items;
}

/**
 * By name, but each after those that it refers to; where they refer in a circle, the first by name
 * comes first.
 */
function inOrder(names: Iterable<string>, refersTo: (name: string) => Iterable<string>): string[] {
  const all = new Set(names);
  const order = new Set<string>();
  const seen = new Set<string>();
  const visit = (name: string) => {
    if (seen.has(name) || !all.has(name)) return;
    seen.add(name);
    for (const used of [...refersTo(name)].sort()) visit(used);
    order.add(name);
  };
  for (const name of [...all].sort()) visit(name);
  return [...order];
}
