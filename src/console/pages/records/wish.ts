/**
 * wish.ts – Which records a table of them shows: in which columns, in which segments, with which
 * conditions; and how the server is asked for that.
 *
 * Keeps true: the rows, the exact number, the CSV and "Save as segment" are all of the same filter.
 * What is chosen of the catalog is in the address; values that were typed are kept by the tab
 * alone, since they may be of persons.
 */
import type { ViewShown } from '../../server/answers.ts';

/** A condition that was added by hand: a rule of the filter language. */
export interface ConditionRule {
  readonly field: string;
  readonly operator: string;
  readonly value?: unknown;
}

export interface RecordsWish {
  /** Slug of the view whose columns are shown; '' for the usual ones. */
  readonly view: string;
  readonly in: readonly string[];
  readonly notIn: readonly string[];
  /** How ids begin: they are looked for among all records, whatever else is chosen. */
  readonly idPrefix: string;
  readonly conditions: readonly ConditionRule[];
}

/** Where the rows come from. */
export type RowsSource =
  | { readonly kind: 'list'; readonly path: string }
  | { readonly kind: 'view'; readonly path: string }
  | { readonly kind: 'query'; readonly path: string; readonly body: Record<string, unknown> };

export interface RuleGroupShown {
  readonly combinator: 'and';
  readonly rules: readonly unknown[];
}

type ViewFilter = Pick<ViewShown, 'slug' | 'segment' | 'query'>;

/** Segments of a request, each way (api/records/schemas.ts, api/views/schemas.ts). */
export const CHOSEN_MAX = 20;

export function readWish(search: string, conditions: readonly ConditionRule[]): RecordsWish {
  const given = new URLSearchParams(search);
  return {
    view: given.get('view') ?? '',
    in: [...new Set(given.getAll('in'))].slice(0, CHOSEN_MAX),
    notIn: [...new Set(given.getAll('not_in'))].slice(0, CHOSEN_MAX),
    idPrefix: given.get('q') ?? '',
    conditions,
  };
}

/** '' for the usual; else with its `?`. */
export function wishSearch({ view, in: inside, notIn, idPrefix }: RecordsWish): string {
  const search = new URLSearchParams();
  if (view !== '') search.set('view', view);
  for (const slug of inside) search.append('in', slug);
  for (const slug of notIn) search.append('not_in', slug);
  if (idPrefix !== '') search.set('q', idPrefix);
  const text = search.toString();
  return text === '' ? '' : `?${text}`;
}

/** A view whose filter is in another dialect is shown as it is: no rule can be put beside it. */
export function takesConditions(view: ViewFilter | undefined): boolean {
  return view?.query === undefined || isRuleGroup(view.query);
}

/** Everything but the segments, as one group. */
function rulesOf(wish: RecordsWish, view: ViewFilter | undefined): unknown[] {
  return [
    ...wish.conditions,
    ...(view?.query !== undefined && isRuleGroup(view.query) && view.query.rules.length > 0
      ? [view.query]
      : []),
  ];
}

/** The filter as a segment would have it; undefined: it can not be one group. */
export function filterOf(
  wish: RecordsWish,
  view: ViewFilter | undefined,
): RuleGroupShown | undefined {
  if (!takesConditions(view)) return undefined;
  const inside = [...wish.in, ...(view?.segment === undefined ? [] : [view.segment])];
  const rules = [
    ...rulesOf(wish, view),
    ...inside.map((value) => ({ field: '', operator: 'inSegment', value })),
    ...wish.notIn.map((value) => ({ field: '', operator: 'notInSegment', value })),
  ];
  return { combinator: 'and', rules };
}

/**
 * What counts them; undefined: nothing does. A view in another dialect is counted as it is, as long
 * as nothing is added.
 */
export function countedQuery(wish: RecordsWish, view: ViewFilter | undefined): unknown {
  if (wish.idPrefix !== '') return undefined;
  const filter = filterOf(wish, view);
  if (filter) return filter;
  return wish.in.length + wish.notIn.length === 0 ? view?.query : undefined;
}

export function rowsSource(
  type: string,
  wish: RecordsWish,
  view: ViewFilter | undefined,
): RowsSource {
  const { conditions, idPrefix, in: inside, notIn } = wish;
  const list = `/v1/records/${encodeURIComponent(type)}`;
  if (idPrefix !== '')
    return { kind: 'list', path: `${list}?${new URLSearchParams({ q: idPrefix })}` };
  if (view && (conditions.length === 0 || !takesConditions(view)))
    return { kind: 'view', path: viewRowsPath(view.slug, wish) };
  const chosen = conditions.length + inside.length + notIn.length;
  if (!view && chosen === 0) return { kind: 'list', path: list };
  const inView = view?.segment === undefined ? inside : [...new Set([...inside, view.segment])];
  const query = { combinator: 'and', rules: rulesOf(wish, view) };
  return { kind: 'query', path: `${list}/query`, body: { query, in: inView, not_in: notIn } };
}

export function viewRowsPath(
  slug: string,
  { in: inside, notIn }: Pick<RecordsWish, 'in' | 'notIn'>,
): string {
  const chosen = new URLSearchParams();
  for (const each of inside) chosen.append('segment', each);
  for (const each of notIn) chosen.append('not_segment', each);
  const text = chosen.toString();
  return `/v1/views/${encodeURIComponent(slug)}/rows${text === '' ? '' : `?${text}`}`;
}

function isRuleGroup(query: unknown): query is { readonly rules: readonly unknown[] } {
  return (
    typeof query === 'object' &&
    query !== null &&
    Array.isArray((query as { rules?: unknown }).rules)
  );
}

// ——— Conditions that were typed, kept by the tab ———

const KEY = 'rollcall-conditions:';
const CONDITIONS_MAX = 20;

export function keptConditions(type: string): readonly ConditionRule[] {
  try {
    return readConditions(sessionStorage.getItem(KEY + type));
  } catch {
    return [];
  }
}

export function keepConditions(type: string, conditions: readonly ConditionRule[]): void {
  try {
    if (conditions.length === 0) sessionStorage.removeItem(KEY + type);
    else sessionStorage.setItem(KEY + type, JSON.stringify(conditions));
  } catch {
    // Storage is full or switched off: they last as long as the page.
  }
}

/** What was kept by another version of the page is left out where it is no condition. */
export function readConditions(text: string | null): ConditionRule[] {
  try {
    const kept: unknown = JSON.parse(text ?? '[]');
    if (!Array.isArray(kept)) return [];
    return kept.filter(isCondition).slice(0, CONDITIONS_MAX);
  } catch {
    return [];
  }
}

function isCondition(value: unknown): value is ConditionRule {
  if (typeof value !== 'object' || value === null) return false;
  const { field, operator } = value as Partial<ConditionRule>;
  return typeof field === 'string' && typeof operator === 'string';
}
