/**
 * plan.ts – Turns a preview's query into what has to be evaluated: predicates without edges, each
 * after those that it reads at neighbours, and what is read of which records.
 *
 * Keeps true: it means what saving the query would mean, for it takes the same way, up to a draft
 * of the catalog that is thrown away. A plan is plain data: it goes to another thread as it is.
 */
import type { Catalog, StoredPredicate } from '../catalog/catalog.ts';
import { CatalogDraft } from '../catalog/catalog-draft.ts';
import { unknownObjectType } from '../catalog/object-types.ts';
import { queryScope, unknownSegment } from '../catalog/segments.ts';
import { type EdgeDefinition, edgesOf } from '../change/edge.ts';
import type { ObjectType } from '../change/object-type.ts';
import { assert, Problem } from '../errors.ts';
import { compileQuery } from '../query/dialects/compile.ts';
import { isDerivedName } from '../query/network/derived-attribute.ts';
import type { Predicate } from '../query/predicate/predicate.ts';
import { predicateAttributes } from '../query/predicate/statement.ts';
import { breathe } from '../time-slice.ts';
import { partsOf } from './parts.ts';
import type { PreviewRequest } from './preview.ts';

export interface PlannedPredicate {
  readonly predicateId: number;
  readonly objectType: string;
  /** As a network takes it. */
  readonly predicate: Predicate;
  /** 0: it reads the record alone; else one more than the highest that it reads. */
  readonly level: number;
  /** Where its truth is shown to, beside being counted. */
  readonly shared: StoredPredicate['shared'];
}

/** What is read of the records of a type. */
export interface PlannedType {
  readonly type: ObjectType;
  /** Names of declared attributes. */
  readonly attributes: readonly string[];
  /** The relationships over which its records hold keys that are followed. */
  readonly edges: readonly EdgeDefinition[];
  /** Whether others point at its records over an edge that is followed. */
  readonly isTarget: boolean;
}

/** A part of the query that is counted alone. */
interface PlannedPart {
  readonly path: string;
  readonly predicateId: number;
}

export interface PreviewPlan {
  readonly objectType: string;
  readonly timeZone: string;
  readonly types: readonly PlannedType[];
  /** Ascending by level. */
  readonly predicates: readonly PlannedPredicate[];
  readonly root: number;
  readonly compared: number | undefined;
  readonly parts: readonly PlannedPart[] | undefined;
}

interface PlanContext {
  readonly catalog: Catalog;
  readonly timeZone: string;
}

/**
 * @throws Problem object_type_unknown | segment_unknown, and query_invalid | query_too_costly |
 *   body_invalid with JSON pointers
 */
export async function planPreview(
  request: PreviewRequest,
  context: PlanContext,
): Promise<PreviewPlan> {
  for (;;) {
    const plan = await planAtOneVersion(request, context);
    if (plan) return plan;
  }
}

/** @returns undefined if the catalog moved on while it gave way to others */
async function planAtOneVersion(
  { objectType, query, breakdown, compareTo }: PreviewRequest,
  { catalog, timeZone }: PlanContext,
): Promise<PreviewPlan | undefined> {
  const { version } = catalog;
  const type = catalog.objectTypes.get(objectType);
  if (!type) throw unknownObjectType(objectType);
  const draft = new CatalogDraft(catalog);
  const scope = queryScope(draft, type, timeZone);
  const root = draft.predicateIdFor(type.name, compileQuery(query, scope));
  const compared = compareTo === undefined ? undefined : comparedId(catalog, type, compareTo);
  const parts: PlannedPart[] = [];
  for (const { path, query: part } of breakdown ? partsOf(query) : []) {
    await breathe();
    if (catalog.version !== version) return undefined;
    const predicateId = draft.predicateIdFor(type.name, compileQuery(part, scope));
    parts.push({ path, predicateId });
  }
  const counted = [root, compared, ...parts.map(({ predicateId }) => predicateId)];
  const predicates = withAllThatTheyRead(
    draft,
    counted.filter((predicateId) => predicateId !== undefined),
  );
  const types = plannedTypes(draft, predicates, type);
  const planned = { objectType: type.name, timeZone, types, predicates, root, compared };
  return { ...planned, parts: breakdown ? parts : undefined };
}

/** The predicate that answers for a segment, or the one that is to. */
function comparedId(catalog: Catalog, { name }: ObjectType, slug: string): number | undefined {
  const segment = catalog.segments.get(slug);
  if (!segment) throw unknownSegment(slug);
  if (segment.object_type !== name) {
    const detail = `'${slug}' is a segment of ${segment.object_type}, not of ${name}`;
    throw new Problem('body_invalid', detail, [{ path: '/compare_to', detail }]);
  }
  return segment.predicateId ?? segment.pending ?? undefined;
}

/** Some predicates and all that they read, each after what it reads. */
function withAllThatTheyRead(draft: CatalogDraft, roots: readonly number[]): PlannedPredicate[] {
  const planned = new Map<number, PlannedPredicate>();
  const plan = (predicateId: number): number => {
    const known = planned.get(predicateId);
    if (known) return known.level;
    const {
      object_type: objectType,
      predicate,
      shared,
      reads = [],
    } = draft.predicateId(predicateId);
    const level = reads.length === 0 ? 0 : 1 + Math.max(...reads.map(plan));
    planned.set(predicateId, { predicateId, objectType, predicate, level, shared });
    return level;
  };
  for (const root of roots) plan(root);
  return [...planned.values()].sort((a, b) => a.level - b.level);
}

function plannedTypes(
  draft: CatalogDraft,
  predicates: readonly PlannedPredicate[],
  root: ObjectType,
): PlannedType[] {
  const types = draft.objectTypes();
  const edges = edgesOf(types.values());
  const followed = new Set(predicates.flatMap(({ shared }) => shared?.edge ?? []));
  const definitions = [...followed].map((name) => {
    const definition = edges.get(name);
    assert(definition, `the relationship ${name} is declared`);
    return definition;
  });
  const names = new Set([root.name, ...predicates.map(({ objectType }) => objectType)]);
  return [...names].map((name) => {
    const own = predicates.filter(({ objectType }) => objectType === name);
    const read = own.flatMap(({ predicate, shared }) => [
      ...predicateAttributes(predicate).filter((attribute) => !isDerivedName(attribute)),
      ...(shared?.attribute === undefined ? [] : [shared.attribute]),
    ]);
    return {
      type: types.get(name)!,
      attributes: [...new Set(read)].sort(),
      edges: definitions.filter(({ holder }) => holder === name),
      isTarget: definitions.some(({ target }) => target === name),
    };
  });
}
