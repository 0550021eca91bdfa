/**
 * view-draft.ts – A view as it is being designed, and every change of it.
 *
 * Keeps true: a change makes another draft; nothing is saved by it. A column keeps its key wherever
 * it is moved. Labels stay unique where the page makes them.
 */
import type { AggregateName } from '../../../query/predicate/measures.ts';
import type { ViewShown } from '../../server/answers.ts';

type ShownColumn = ViewShown['columns'][number];
export type SortShown = NonNullable<ViewShown['sort']>[number];

export interface DraftColumn extends ShownColumn {
  readonly key: number;
  /** The field of a saved row that holds it; undefined: the view was not saved with it. */
  readonly savedField?: string | undefined;
}

export interface ViewDraft {
  readonly title: string;
  readonly slug: string;
  readonly description: string;
  readonly object_type: string;
  /** '': the view has a query of its own. */
  readonly segment: string;
  readonly query?: unknown;
  readonly columns: readonly DraftColumn[];
  readonly relationships: readonly string[];
  readonly sort: readonly SortShown[];
}

let keys = 0;

export function draftOf(view: ViewShown): ViewDraft {
  const { title, slug, description = '', object_type, segment = '', query } = view;
  const { columns, relationships = [], sort = [] } = view;
  return {
    ...{ title, slug, description, object_type, segment, relationships, sort },
    ...(query === undefined ? {} : { query }),
    columns: columns.map((column) => ({ ...column, key: ++keys, savedField: fieldOf(column) })),
  };
}

/** One that was kept, with keys that no other column of this page has. */
export function revived(draft: ViewDraft): ViewDraft {
  return { ...draft, columns: draft.columns.map((column) => ({ ...column, key: ++keys })) };
}

export function emptyDraft(objectType: string, segment: string): ViewDraft {
  return {
    ...{ title: '', slug: '', description: '', object_type: objectType, segment },
    ...{ columns: [], relationships: [], sort: [] },
  };
}

/** As it is sent: without what is only of this page. */
export function bodyOf(draft: ViewDraft): Readonly<Record<string, unknown>> {
  const { title, slug, description, object_type, segment, query } = draft;
  const { columns, relationships, sort } = draft;
  return {
    ...{ title, slug: slug === '' ? slugOf(title) : slug, object_type },
    ...(description === '' ? {} : { description }),
    ...(segment === '' ? { query } : { segment }),
    columns: columns.map(({ key: _, savedField: __, ...column }) => column),
    ...(relationships.length === 0 ? {} : { relationships }),
    ...(sort.length === 0 ? {} : { sort }),
  };
}

/** Whether two drafts would save the same. */
export function isSameDraft(a: ViewDraft, b: ViewDraft): boolean {
  return JSON.stringify(bodyOf(a)) === JSON.stringify(bodyOf(b));
}

/** "Sales columns" as `sales-columns`. */
export function slugOf(title: string): string {
  const plain = title.normalize('NFD').replaceAll(/\p{M}/gu, '').toLowerCase();
  return plain
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
    .slice(0, 64);
}

export interface NewColumn {
  readonly path: string;
  readonly label: string;
  readonly aggregate?: AggregateName;
}

/** At the end; a label that is taken gets a number. */
export function withColumn(draft: ViewDraft, { label, ...column }: NewColumn): ViewDraft {
  const taken = new Set(draft.columns.map(labelOf));
  let unique = label;
  for (let number = 2; taken.has(unique); number++) unique = `${label} ${number}`;
  return { ...draft, columns: [...draft.columns, { ...column, label: unique, key: ++keys }] };
}

export function withoutColumn(draft: ViewDraft, key: number): ViewDraft {
  return { ...draft, columns: draft.columns.filter((column) => column.key !== key) };
}

/** One step up or down; at the end it stays. */
export function withMoved(draft: ViewDraft, key: number, by: -1 | 1): ViewDraft {
  const from = draft.columns.findIndex((column) => column.key === key);
  const to = from + by;
  if (from < 0 || to < 0 || to >= draft.columns.length) return draft;
  const columns = [...draft.columns];
  columns.splice(to, 0, ...columns.splice(from, 1));
  return { ...draft, columns };
}

/** An empty label leaves it to the path. */
export function withLabel(draft: ViewDraft, key: number, label: string): ViewDraft {
  const columns = draft.columns.map((column) => {
    if (column.key !== key) return column;
    const { label: _, ...rest } = column;
    return label === '' ? rest : { ...rest, label };
  });
  return { ...draft, columns };
}

/** As the server calls it where it has no label (query/dialects/view-columns.ts). */
export function labelOf({ path, label, aggregate }: ShownColumn): string {
  return label ?? (aggregate === undefined ? path : `${aggregate} of ${path}`);
}

/** The field of a row in JSON: the path, or of an aggregate the label. */
function fieldOf(column: ShownColumn): string {
  return column.aggregate === undefined ? column.path : labelOf(column);
}
