/**
 * views.ts – Creates, edits and deletes views: which columns of which records are shown.
 *
 * Keeps true: a slug is unique among views and never changes. A view shows a segment, or a query of
 * its own, which is built and switched like a segment's. It is stored only if its segment, columns,
 * relationships and order all exist.
 */
import { randomUUID } from 'node:crypto';
import { isObject, type ObjectType } from '../change/object-type.ts';
import { shownTextFault } from '../change/shown-text.ts';
import { type Fault, Problem } from '../errors.ts';
import { compileQuery } from '../query/dialects/compile.ts';
import {
  readViewDefinition,
  type ViewColumn,
  type ViewDefinition,
  type ViewSort,
} from '../query/dialects/view-columns.ts';
import { type Catalog, hasOwnQuery, NO_FEED_ID, type StoredView } from './catalog.ts';
import { CatalogDraft } from './catalog-draft.ts';
import type { CatalogWriter } from './catalog-writer.ts';
import { type Edit, entryTag, isSameJson, refuseUnmet, UNSIGNED } from './edit.ts';
import {
  checkMembers,
  checkNaming,
  declaredType,
  type Naming,
  type Refuse,
  refuseMoved,
} from './naming.ts';
import {
  isWell,
  type NamedSegments,
  namedScope,
  queryScope,
  reassign,
  stillTold,
} from './segments.ts';

/** The members of a view that a client may send: exactly one of `segment` and `query`. */
export interface ViewInput extends Naming {
  readonly segment?: string;
  readonly query?: unknown;
  readonly columns: readonly ViewColumn[];
  readonly relationships?: readonly string[];
  readonly sort?: readonly ViewSort[];
}

const OPTIONAL = ['description', 'segment', 'query', 'relationships', 'sort'] as const;
const MEMBERS = ['title', 'slug', 'object_type', 'columns', ...OPTIONAL];
/**
 * The members of a view that the server adds: accepted back, so that what was read can be sent
 * again, and ignored.
 */
const SERVER_MEMBERS = [
  'id',
  'json_logic',
  'status',
  'reason',
  'progress',
  'revision',
  'created_at',
  'updated_at',
];

export class Views {
  readonly #store: CatalogWriter;
  readonly #timeZone: string;

  constructor(store: CatalogWriter, timeZone: string) {
    this.#store = store;
    this.#timeZone = timeZone;
  }

  /** @throws Problem view_invalid | view_slug_taken | query_invalid */
  async create(body: unknown, edit: Edit = UNSIGNED): Promise<StoredView> {
    const input = parseView(objectBody(body));
    await this.#store.write((catalog) => {
      const draft = new CatalogDraft(catalog, edit);
      if (draft.view(input.slug)) throw taken(input.slug);
      placeView(draft, input, this.#timeZone);
      return draft.finish();
    });
    return this.#stored(input.slug);
  }

  /** Replaces all that a client gives of a view. @throws Problem as `create`, and view_unknown */
  async replace(slug: string, body: unknown, edit: Edit = UNSIGNED): Promise<StoredView> {
    const given = objectBody(body);
    return this.#edit(slug, edit, () => parseView({ slug, ...given }));
  }

  /**
   * Replaces the members that are given; an optional one of null is removed. A segment that is
   * given takes the place of the query, and the other way round. @throws Problem as `replace`
   */
  async patch(slug: string, body: unknown, edit: Edit = UNSIGNED): Promise<StoredView> {
    const given = objectBody(body);
    return this.#edit(slug, edit, (old) => parseView(merged(viewInput(old), given)));
  }

  /** @throws Problem view_unknown */
  async remove(slug: string, edit: Edit = UNSIGNED): Promise<void> {
    await this.#store.write((catalog) => {
      const view = catalog.views.get(slug);
      if (!view) throw unknownView(slug);
      refuseUnmet(edit, entryTag(view));
      const draft = new CatalogDraft(catalog, edit);
      draft.setView(slug, null);
      return draft.finish();
    });
  }

  async #edit(slug: string, edit: Edit, read: (old: StoredView) => ViewInput): Promise<StoredView> {
    await this.#store.write((catalog) => {
      const draft = new CatalogDraft(catalog, edit);
      const old = draft.view(slug);
      if (!old) throw unknownView(slug);
      refuseUnmet(edit, entryTag(old));
      const input = read(old);
      refuseMoved(old, input, 'view_invalid');
      placeView(draft, input, this.#timeZone);
      const isSame = draft.view(slug)?.revision === old.revision;
      return isSame && (!hasOwnQuery(old) || isWell(catalog, old)) ? undefined : draft.finish();
    });
    return this.#stored(slug);
  }

  #stored(slug: string): StoredView {
    const stored = this.#store.catalog.views.get(slug);
    if (!stored) throw unknownView(slug);
    return stored;
  }
}

/**
 * Puts a view into a draft, as a new one or in place of the one that has the slug. If it says what
 * that one says, it is no further revision.
 * @throws Problem view_invalid | query_invalid, with JSON pointers
 */
export function placeView(
  draft: CatalogDraft,
  input: ViewInput,
  timeZone: string,
  named?: NamedSegments,
): void {
  const type = declaredType(draft, input.object_type, 'view_invalid');
  if (input.segment !== undefined) refuseSegment(draft, input.segment, type.name);
  const scope = namedScope(draft, type, timeZone, named);
  const { uses } = readViewDefinition(input, scope);
  const { segment, query, ...shown } = input;
  // Before it is compared: what is nested too deeply to be read could not be.
  const own = segment === undefined ? compileQuery(query, scope) : undefined;
  const old = draft.view(input.slug);
  const isSame = old !== undefined && isSameJson(viewInput(old), input);
  const now = Date.now();
  const members = {
    id: old?.id ?? randomUUID(),
    ...shown,
    revision: isSame ? old.revision : (old?.revision ?? 0) + 1,
    created_at: old?.created_at ?? now,
    updated_at: isSame ? old.updated_at : now,
  };
  if (segment !== undefined) {
    draft.setView(input.slug, {
      ...members,
      segment,
      uses: [...new Set([segment, ...uses])].sort(),
    });
    return;
  }
  const compiled = own!;
  const all = [...new Set([...compiled.uses, ...uses])].sort();
  const filter = {
    ...members,
    query,
    json_logic: compiled.jsonLogic,
    uses: all,
    feedId: old && hasOwnQuery(old) ? old.feedId : NO_FEED_ID,
    ...stillTold(old && hasOwnQuery(old) ? old : undefined),
    ...answeredBy(draft, old),
  };
  reassign(draft, [{ filter, compiled }]);
}

/**
 * The predicate ids that answer for a view until its new query is built: those that did before, of
 * its own query or its segment.
 */
function answeredBy(draft: CatalogDraft, old: StoredView | undefined) {
  const filter = old && (hasOwnQuery(old) ? old : draft.segment(old.segment));
  const predicateId = filter?.predicateId ?? null;
  const before = old && hasOwnQuery(old) ? old.ready_revision : (old?.revision ?? null);
  return { predicateId, pending: null, ready_revision: predicateId === null ? null : before };
}

function refuseSegment(draft: CatalogDraft, slug: string, objectType: string): void {
  const segment = draft.segment(slug);
  if (segment?.object_type === objectType) return;
  const detail = segment
    ? `'${slug}' is a segment of ${segment.object_type}, not of ${objectType}`
    : `there is no segment '${slug}'`;
  throw new Problem('view_invalid', detail, [{ path: '/segment', detail }]);
}

/** The definition of a stored view, as the catalog stands. */
export function definitionOf(
  catalog: Catalog,
  view: StoredView,
  timeZone: string,
): ViewDefinition & { readonly type: ObjectType } {
  const draft = new CatalogDraft(catalog);
  const type = declaredType(draft, view.object_type, 'view_invalid');
  return { type, ...readViewDefinition(view, queryScope(draft, type, timeZone)) };
}

/** A stored view as a client gave it. */
export function viewInput(view: StoredView): ViewInput {
  const { title, slug, description, object_type, columns, relationships, sort } = view;
  return {
    title,
    slug,
    ...(description === undefined ? {} : { description }),
    object_type,
    ...(hasOwnQuery(view) ? { query: view.query } : { segment: view.segment }),
    columns,
    ...(relationships === undefined ? {} : { relationships }),
    ...(sort === undefined ? {} : { sort }),
  };
}

function merged(old: ViewInput, given: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const whole: Record<string, unknown> = { ...old };
  if (given.segment !== undefined && given.segment !== null) delete whole.query;
  if (given.query !== undefined && given.query !== null) delete whole.segment;
  Object.assign(whole, given);
  for (const member of OPTIONAL) if (whole[member] === null) delete whole[member];
  return whole;
}

/** Reads what was sent, except what only the catalog can check. @throws Problem view_invalid */
export function parseView(given: Readonly<Record<string, unknown>>): ViewInput {
  const faults: Fault[] = [];
  const refuse = (path: string, detail: string) => faults.push({ path, detail });
  checkMembers(given, [...MEMBERS, ...SERVER_MEMBERS], 'a view', refuse);
  const naming = checkNaming(given, refuse);
  const { segment, query, columns, relationships, sort } = given;
  if (segment === undefined && query === undefined)
    refuse('/segment', 'a view is of a segment, or of a query');
  if (segment !== undefined && query !== undefined)
    refuse('/query', 'a view is of a segment or of a query, not of both');
  if (segment !== undefined && typeof segment !== 'string')
    refuse('/segment', 'segment is the slug of a segment');
  if (columns === undefined)
    refuse('/columns', 'columns are required: a list of { "path", "label"? }');
  refuseUnshownLabels(columns, refuse);
  if (faults.length > 0) throw new Problem('view_invalid', faults[0]!.detail, faults);
  const optional = Object.entries({ segment, query, relationships, sort }).filter(
    ([, value]) => value !== undefined,
  );
  return { ...naming, columns, ...Object.fromEntries(optional) } as ViewInput;
}

/** Where they are sent: what is stored already goes on to be shown. */
function refuseUnshownLabels(columns: unknown, refuse: Refuse): void {
  if (!Array.isArray(columns)) return;
  for (const [at, column] of columns.entries()) {
    const label: unknown = isObject(column) ? column['label'] : undefined;
    const fault = typeof label === 'string' ? shownTextFault(label, 'one') : undefined;
    if (fault) refuse(`/columns/${at}/label`, `a label ${fault}`);
  }
}

function objectBody(body: unknown): Record<string, unknown> {
  if (isObject(body)) return body;
  throw new Problem('view_invalid', 'a view is a JSON object', [
    { path: '', detail: 'a view is a JSON object' },
  ]);
}

function taken(slug: string): Problem {
  return new Problem('view_slug_taken', `there is a view '${slug}' already`, [
    { path: '/slug', detail: 'taken' },
  ]);
}

/** The answer to an unknown slug; it names it. */
export function unknownView(slug: string): Problem {
  return new Problem('view_unknown', `there is no view '${slug}'`, [], { slug });
}
