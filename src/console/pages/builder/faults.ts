/**
 * faults.ts – What a draft lacks, and what is wrong with it: each fault at the node that it is
 * about.
 *
 * Keeps true: a condition that is not complete is never left out quietly: the preview waits for it,
 * and says so. Whether a filter is valid says the code that the server reads it with.
 */
import { isObject, type ObjectType } from '../../../change/object-type.ts';
import { type Fault, Problem } from '../../../errors.ts';
import { compileQuery } from '../../../query/dialects/compile.ts';
import { filterTree } from '../../../query/dialects/filter-tree.ts';
import { NEVER } from '../../../query/predicate/predicate.ts';
import { filterInWords } from '../../../query/words/conditions.ts';
import { titleText } from '../../parts/words.ts';
import {
  type DraftGroup,
  type DraftNode,
  type DraftRule,
  groupWithin,
  isGroup,
  type NodePath,
  pathOf,
  pointerOf,
  queryOf,
} from './draft.ts';
import type { TypesShown } from './fields.ts';

/** A fault at a node. */
export interface NodeFault {
  /** JSON pointer of the node: '' is the whole. */
  readonly at: string;
  readonly detail: string;
  /** It lacks something that is still to come; nothing in it is wrong. */
  readonly isUnfinished?: true;
  /** Of what is unfinished: what the condition is about. */
  readonly about?: string;
}

/** All that a filter is read against. */
export interface ReadingContext {
  readonly type: ObjectType;
  readonly types: TypesShown;
  readonly timeZone: string;
  /** Segments by slug: their titles and types. */
  readonly segments: ReadonlyMap<
    string,
    { readonly title: string; readonly object_type: string; readonly json_logic?: unknown }
  >;
}

export interface CheckedQuery {
  readonly faults: readonly NodeFault[];
  /** As the server will keep it beside the query; nothing, if it is not valid. */
  readonly jsonLogic?: unknown;
  /** Slugs of the segments that it asks for. */
  readonly uses: readonly string[];
}

/** Checks a draft: first what it lacks, then all else. */
export function checkDraft(draft: DraftGroup, context: ReadingContext): CheckedQuery {
  const unfinished = unfinishedIn(draft, []);
  if (unfinished.length > 0) return { faults: unfinished, uses: [] };
  return checkQuery(queryOf(draft), context);
}

/** Checks a query of any dialect. */
export function checkQuery(
  query: unknown,
  { type, types, timeZone, segments }: ReadingContext,
): CheckedQuery {
  const segment = (slug: string) => {
    const used = segments.get(slug);
    if (!used) return undefined;
    const { object_type: objectType, json_logic: jsonLogic = { in_segment: slug } } = used;
    return { objectType, predicate: NEVER, jsonLogic };
  };
  try {
    const { jsonLogic, uses } = compileQuery(query, { type, types, timeZone, segment });
    return { faults: [], jsonLogic, uses };
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    const { errors } = error;
    const found = errors?.length ? errors : [{ path: '/query', detail: error.message }];
    return { faults: nodeFaults(found), uses: [] };
  }
}

/** Faults of the query among those of a body, each at the innermost node that it lies in. */
export function nodeFaults(faults: readonly Fault[]): NodeFault[] {
  return faults.flatMap(({ path, detail }) => {
    if (path !== '/query' && !path.startsWith('/query/')) return [];
    return [{ at: pointerOf(innermost(pathOf(path.slice('/query'.length)))), detail }];
  });
}

/** The node of a rule or group that a path leads into. */
function innermost(path: NodePath): NodePath {
  for (let end = path.length; end > 0; end--) {
    if (path[end - 2] === 'rules' && typeof path[end - 1] === 'number') return path.slice(0, end);
  }
  return [];
}

// ——— What is still to come ———

function unfinishedIn(node: DraftNode, path: NodePath): NodeFault[] {
  if (node.muted === true) return [];
  if (isGroup(node)) {
    return node.rules.flatMap((each, at) => unfinishedIn(each, [...path, 'rules', at]));
  }
  const detail = lackOf(node);
  const about = aboutOf(node);
  const own: NodeFault[] = detail
    ? [{ at: pointerOf(path), detail, isUnfinished: true, ...(about ? { about } : {}) }]
    : [];
  const inner = groupWithin(node);
  return inner ? [...own, ...unfinishedIn(inner[1], [...path, inner[0]])] : own;
}

function aboutOf({ field }: DraftRule): string | undefined {
  return field === ''
    ? undefined
    : field
        .split('.')
        .map((name) => titleText(name))
        .join(' › ');
}

const NO_VALUE_YET = 'Give it a value';

/** What a condition lacks, by itself. */
function lackOf(rule: DraftRule): string | undefined {
  const { field, operator, value, match } = rule;
  if (operator === 'inSegment' || operator === 'notInSegment')
    return isThere(value) ? undefined : 'Choose a segment';
  if (field === '') return 'Choose what it is about';
  if (match) return isThere(match.threshold ?? 0) ? undefined : 'Say how many';
  if (!('value' in rule)) return undefined;
  return isThere(value) ? undefined : NO_VALUE_YET;
}

function isThere(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0 && value.every(isThere);
  if (isObject(value)) return Object.values(value).every(isThere);
  return value !== '' && value !== undefined && value !== null;
}

// ——— In words ———

/** The filter as a sentence, without what is not finished. */
export function sentenceOf(draft: DraftGroup, context: ReadingContext): string {
  return sentenceOfQuery(queryOf(finished(draft)!), context);
}

/** The sentence of a query in any dialect; one that can't be read has none. */
export function sentenceOfQuery(
  query: unknown,
  { type, types, timeZone, segments }: ReadingContext,
): string {
  const vocabulary = {
    types,
    timeZone,
    segmentTitle: (slug: string) => segments.get(slug)?.title,
  };
  try {
    return filterInWords(filterTree(query), type, vocabulary);
  } catch {
    // Words are made of filters that were read already. What can't be read says its faults.
    return '';
  }
}

/** The part of a node that is finished; nothing, if a condition is not. */
function finished(node: DraftNode): DraftNode | undefined {
  if (isGroup(node)) {
    return { ...node, rules: node.rules.flatMap((each) => finished(each) ?? []) };
  }
  if (node.muted === true) return node;
  if (lackOf(node)) return undefined;
  const inner = groupWithin(node);
  return inner ? { ...node, [inner[0]]: finished(inner[1]) } : node;
}
