/**
 * histories.ts – What is kept of segments as they were: earlier revisions, and deleted segments.
 *
 * Keeps true: an edit adds the revision that it replaces, a deletion the last one, in the very
 * version of the catalog that it writes. The texts lie beside the catalog; in it are only their
 * sizes. Whatever there is has a bound: revisions and bytes of one segment, bytes of all, the
 * number and the age of deleted segments. What is oldest gives way; no edit is refused on its
 * account.
 */
import { Problem } from '../errors.ts';
import type { Limits } from '../limits.ts';
import type {
  Catalog,
  CatalogChange,
  CatalogWrite,
  KeptRevision,
  StoredHistory,
  StoredSegment,
} from './catalog.ts';

/** Revisions of one segment that are kept, the newest one included. */
export const REVISIONS_MAX = 50;
/** How long a deleted segment can be restored. */
const RESTORABLE_MS = 30 * 24 * 3600 * 1000;
/** What a revision costs beside its text: its place in the catalog. */
const PLACE_BYTES = 100;

/** The text of a revision: what a client gave of the segment, when, and who it was. */
export interface RevisionText {
  readonly at: number;
  readonly by?: string;
  readonly title: string;
  readonly description?: string;
  readonly query: unknown;
}

/** A text that a version of the catalog writes; null: it goes. */
export interface RevisionWrite {
  readonly segment: string;
  readonly revision: number;
  readonly text: RevisionText | null;
}

/** The texts of revisions, where they are stored. */
export interface RevisionTexts {
  /** In the order of the numbers; undefined where one is not kept any more. */
  revisions(segment: string, numbers: readonly number[]): Promise<(RevisionText | undefined)[]>;
}

/** A change of the catalog, and the texts of revisions that come and go with it. */
export interface ChangeWithTexts extends CatalogChange {
  readonly texts?: readonly RevisionWrite[];
}

export function textOf(segment: StoredSegment): RevisionText {
  const { title, description, query, updated_at: at, updated_by: by } = segment;
  return {
    at,
    ...(by === undefined ? {} : { by }),
    title,
    ...(description === undefined ? {} : { description }),
    query,
  };
}

/** The history after an edit: with the revision that it replaces. */
export function historyAfterEdit(
  history: StoredHistory | undefined,
  before: StoredSegment,
): StoredHistory {
  return { slug: before.slug, kept: [...(history?.kept ?? []), keptOf(before)] };
}

/** The history after a deletion: with the last revision, and all else that a restore needs. */
export function historyAfterDeletion(
  history: StoredHistory | undefined,
  before: StoredSegment,
  by: string | undefined,
): StoredHistory {
  const { title, description, query, json_logic, uses, ...members } = before;
  const never = { predicateId: null, pending: null, ready_revision: null };
  const deleted = {
    at: Date.now(),
    ...(by === undefined ? {} : { by }),
    members: { ...members, ...never },
  };
  return { ...historyAfterEdit(history, before), deleted };
}

function keptOf(segment: StoredSegment): KeptRevision {
  const bytes = keptBytes(JSON.stringify(textOf(segment)));
  return { revision: segment.revision, at: segment.updated_at, bytes };
}

/** The weight of a revision with this text, as its history says it. */
export function keptBytes(text: string): number {
  return text.length + PLACE_BYTES;
}

/** The deleted segment that a slug names: the latest one, while it can be restored. */
export function deletedNamed(
  { histories }: Catalog,
  slug: string,
): (StoredHistory & Required<Pick<StoredHistory, 'deleted'>>) | undefined {
  let latest: ReturnType<typeof deletedNamed>;
  for (const history of histories.values()) {
    if (history.slug !== slug || !isDeleted(history) || isOver(history)) continue;
    if (!latest || history.deleted.at > latest.deleted.at) latest = history;
  }
  return latest;
}

/** @throws Problem segment_unknown */
export function unknownDeletion(slug: string): Problem {
  const days = RESTORABLE_MS / (24 * 3600 * 1000);
  const detail = `no segment '${slug}' was deleted within ${days} days, or others took its place`;
  return new Problem('segment_unknown', detail, [], { slug });
}

function isDeleted(
  history: StoredHistory,
): history is StoredHistory & Required<Pick<StoredHistory, 'deleted'>> {
  return history.deleted !== undefined;
}

function isOver({ deleted }: StoredHistory, nowMs = Date.now()): boolean {
  return deleted !== undefined && deleted.at <= nowMs - RESTORABLE_MS;
}

type HistoryBounds = Pick<Limits, 'segmentRevisionsBytes' | 'revisionsBytes' | 'deletedSegments'>;

/** The bounds of all histories, and how much of them is taken. */
export class Histories {
  readonly #catalog: Catalog;
  readonly #limits: HistoryBounds;
  readonly #weights = new Map<string, number>();
  readonly #deleted = new Set<string>();
  #total = 0;

  constructor(catalog: Catalog, limits: HistoryBounds) {
    this.#catalog = catalog;
    this.#limits = limits;
    catalog.onChange((writes) => {
      for (const write of writes) if (write[0] === 'histories') this.#note(write[1], write[2]);
    });
  }

  /** The change that drops deleted segments whose time is over; undefined if there are none. */
  overdue(nowMs: number): ChangeWithTexts | undefined {
    const over = [...this.#deleted].filter((id) => isOver(this.#catalog.histories.get(id)!, nowMs));
    if (over.length === 0) return undefined;
    const draft = new HistoryDraft(this.#catalog);
    for (const id of over) draft.drop(id);
    return draft.onto({ nextPredicateId: this.#catalog.nextPredicateId, writes: [] });
  }

  /** The change with what gives way to it. */
  within(change: ChangeWithTexts): ChangeWithTexts {
    const added = change.writes.flatMap((write) => (write[0] === 'histories' ? [write] : []));
    if (added.length === 0) return change;
    const draft = new HistoryDraft(this.#catalog, change);
    for (const [, id] of added) this.#trim(draft, id);
    this.#fewerDeleted(draft);
    this.#lighter(draft);
    return draft.onto(change);
  }

  /** One segment: its oldest revisions go, never the last one. */
  #trim(draft: HistoryDraft, id: string): void {
    const history = draft.history(id);
    if (!history) return;
    const most = isDeleted(history) ? REVISIONS_MAX : REVISIONS_MAX - 1;
    let { length } = history.kept;
    let bytes = weightOf(history);
    let at = 0;
    while (length > most || (length > 1 && bytes > this.#limits.segmentRevisionsBytes)) {
      bytes -= history.kept[at++]!.bytes;
      length--;
    }
    draft.dropOldest(id, at);
  }

  #fewerDeleted(draft: HistoryDraft): void {
    const deleted = new Set(this.#deleted);
    for (const id of draft.touched) {
      if (draft.history(id)?.deleted) deleted.add(id);
      else deleted.delete(id);
    }
    const over = deleted.size - this.#limits.deletedSegments;
    if (over <= 0) return;
    for (const id of this.#oldest(deleted, draft).slice(0, over)) draft.drop(id);
  }

  /** All segments: deleted ones go first, then the older half of the heaviest, again and again. */
  #lighter(draft: HistoryDraft): void {
    let total = this.#total;
    for (const id of draft.touched)
      total += weightOf(draft.history(id)) - (this.#weights.get(id) ?? 0);
    const { revisionsBytes } = this.#limits;
    if (total <= revisionsBytes) return;
    const ids = new Set([...this.#weights.keys(), ...draft.touched]);
    const deleted = new Set([...ids].filter((id) => draft.history(id)?.deleted));
    for (const id of this.#oldest(deleted, draft)) {
      if (total <= revisionsBytes) return;
      total -= weightOf(draft.history(id));
      draft.drop(id);
    }
    while (total > revisionsBytes) {
      const heaviest = [...ids]
        .map((id) => [id, weightOf(draft.history(id))] as const)
        .filter(([, weight]) => weight > 0)
        .sort(([, a], [, b]) => b - a);
      if (heaviest.length === 0) return;
      for (const [id, weight] of heaviest) {
        if (total <= revisionsBytes) return;
        draft.dropOldest(id, Math.ceil(draft.history(id)!.kept.length / 2));
        total -= weight - weightOf(draft.history(id));
      }
    }
  }

  #oldest(deleted: ReadonlySet<string>, draft: HistoryDraft): string[] {
    const at = (id: string) => draft.history(id)!.deleted!.at;
    return [...deleted].sort((a, b) => at(a) - at(b));
  }

  #note(id: string, history: StoredHistory | null): void {
    const weight = weightOf(history);
    this.#total += weight - (this.#weights.get(id) ?? 0);
    if (history) this.#weights.set(id, weight);
    else this.#weights.delete(id);
    if (history?.deleted) this.#deleted.add(id);
    else this.#deleted.delete(id);
  }
}

function weightOf(history: StoredHistory | null | undefined): number {
  if (!history) return 0;
  return history.kept.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** Histories while a change is made: as they are stored, with what changes laid over them. */
class HistoryDraft {
  readonly #catalog: Catalog;
  readonly #drafted = new Map<string, StoredHistory | null>();
  readonly #gone: RevisionWrite[] = [];

  constructor(catalog: Catalog, { writes }: Pick<CatalogChange, 'writes'> = { writes: [] }) {
    this.#catalog = catalog;
    for (const write of writes) if (write[0] === 'histories') this.#drafted.set(write[1], write[2]);
  }

  get touched(): Iterable<string> {
    return this.#drafted.keys();
  }

  history(id: string): StoredHistory | undefined {
    const drafted = this.#drafted.get(id);
    return drafted === undefined ? this.#catalog.histories.get(id) : (drafted ?? undefined);
  }

  drop(id: string): void {
    this.dropOldest(id, this.history(id)?.kept.length ?? 0);
    this.#drafted.set(id, null);
  }

  dropOldest(id: string, count: number): void {
    const history = this.history(id);
    if (!history || count === 0) return;
    for (const { revision } of history.kept.slice(0, count))
      this.#gone.push({ segment: id, revision, text: null });
    this.#drafted.set(id, { ...history, kept: history.kept.slice(count) });
  }

  /** The change, with these histories instead of its own. */
  onto(change: ChangeWithTexts): ChangeWithTexts {
    const others = change.writes.filter(([hash]) => hash !== 'histories');
    const own = [...this.#drafted].map(([id, history]): CatalogWrite => ['histories', id, history]);
    const gone = new Set(this.#gone.map(nameOf));
    const texts = (change.texts ?? []).filter((write) => !gone.has(nameOf(write)));
    return { ...change, writes: [...others, ...own], texts: [...texts, ...this.#gone] };
  }
}

function nameOf({ segment, revision }: RevisionWrite): string {
  return `${segment}:${revision}`;
}
