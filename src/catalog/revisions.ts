/**
 * revisions.ts – Reads a segment's revisions, restores a deleted segment, duplicates one.
 *
 * Keeps true: the newest revision is the segment itself; earlier ones are what it was. A restored
 * segment is the one that was deleted, with its id and its revisions, in one revision more. It and
 * a duplicate are read as any segment that is sent, so nothing comes back that can't be answered.
 */
import { isObject } from '../change/object-type.ts';
import { type Fault, Problem } from '../errors.ts';
import type { StoredSegment } from './catalog.ts';
import { CatalogDraft } from './catalog-draft.ts';
import type { CatalogWriter } from './catalog-writer.ts';
import { type Edit, UNSIGNED } from './edit.ts';
import {
  deletedNamed,
  type RevisionText,
  type RevisionTexts,
  textOf,
  unknownDeletion,
} from './histories.ts';
import { checkMembers, SLUG_LENGTH_MAX, TITLE_LENGTH_MAX } from './naming.ts';
import {
  parseSegment,
  readSegment,
  reassign,
  type SegmentInput,
  segmentInput,
  takenSlug,
  unknownSegment,
} from './segments.ts';

export interface Revision extends RevisionText {
  readonly revision: number;
}

export class Revisions {
  readonly #store: CatalogWriter;
  readonly #texts: RevisionTexts;
  readonly #timeZone: string;

  constructor(store: CatalogWriter, texts: RevisionTexts, timeZone: string) {
    this.#store = store;
    this.#texts = texts;
    this.#timeZone = timeZone;
  }

  /**
   * The newest first; those before a number, if one is given. @throws Problem segment_unknown
   */
  async of(slug: string, before = Number.POSITIVE_INFINITY): Promise<Revision[]> {
    const { segments, histories } = await this.#store.refresh();
    const segment = segments.get(slug);
    if (!segment) throw unknownSegment(slug);
    const kept = histories.get(segment.id)?.kept ?? [];
    const numbers = kept.map(({ revision }) => revision).filter((revision) => revision < before);
    const texts = await this.#texts.revisions(segment.id, numbers);
    const earlier = numbers.flatMap((revision, at) =>
      texts[at] === undefined ? [] : [{ revision, ...texts[at] }],
    );
    const newest = { revision: segment.revision, ...textOf(segment) };
    return [...earlier, ...(newest.revision < before ? [newest] : [])].reverse();
  }

  /**
   * Brings the segment back that was deleted last under a slug.
   * @throws Problem segment_unknown | segment_slug_taken | segment_invalid | query_invalid
   */
  async restore(slug: string, edit: Edit = UNSIGNED): Promise<StoredSegment> {
    const found = deletedNamed(await this.#store.refresh(), slug);
    const { members } = found?.deleted ?? {};
    const [text] = members ? await this.#texts.revisions(members.id, [members.revision]) : [];
    await this.#store.write((catalog) => {
      if (catalog.segments.has(slug)) throw takenSlug(slug);
      const now = deletedNamed(catalog, slug)?.deleted.members;
      if (!text || now?.id !== members?.id || now?.revision !== members?.revision)
        throw unknownDeletion(slug);
      const { title, description, query } = text;
      const { object_type } = members!;
      const described = description === undefined ? {} : { description };
      const draft = new CatalogDraft(catalog, edit);
      const input = { title, slug, ...described, object_type, query };
      reassign(draft, [readSegment(draft, input, this.#timeZone, { former: members! })]);
      return draft.finish();
    });
    return this.#stored(slug);
  }

  /**
   * Creates a segment that says what another one says. Without a slug one is made up that is free.
   * @throws Problem segment_unknown | segment_slug_taken | segment_invalid | query_invalid
   */
  async duplicate(slug: string, body: unknown, edit: Edit = UNSIGNED): Promise<StoredSegment> {
    const given = parseNames(body);
    let made = '';
    await this.#store.write((catalog) => {
      const original = catalog.segments.get(slug);
      if (!original) throw unknownSegment(slug);
      const copy = segmentInput(original);
      const input: SegmentInput = parseSegment({
        ...copy,
        title: given.title ?? `${cut(copy.title, TITLE_LENGTH_MAX - COPY.length)}${COPY}`,
        slug: given.slug ?? freeSlug(slug, (taken) => catalog.segments.has(taken)),
      });
      if (catalog.segments.has(input.slug)) throw takenSlug(input.slug);
      made = input.slug;
      const draft = new CatalogDraft(catalog, edit);
      reassign(draft, [readSegment(draft, input, this.#timeZone)]);
      return draft.finish();
    });
    return this.#stored(made);
  }

  #stored(slug: string): StoredSegment {
    const stored = this.#store.catalog.segments.get(slug);
    if (!stored) throw unknownSegment(slug);
    return stored;
  }
}

const COPY = ' (copy)';

/** @throws Problem segment_invalid */
function parseNames(body: unknown): { readonly slug?: string; readonly title?: string } {
  const faults: Fault[] = [];
  const refuse = (path: string, detail: string) => faults.push({ path, detail });
  if (!isObject(body)) refuse('', 'the names of a duplicate are a JSON object');
  else checkMembers(body, ['slug', 'title'], 'a duplicate', refuse);
  if (faults.length > 0) throw new Problem('segment_invalid', faults[0]!.detail, faults);
  return body as object;
}

/** `big-spenders-copy`, `big-spenders-copy-2`, … */
function freeSlug(slug: string, isTaken: (slug: string) => boolean): string {
  for (let at = 1; ; at++) {
    const ending = at === 1 ? '-copy' : `-copy-${at}`;
    const free = `${slug.slice(0, SLUG_LENGTH_MAX - ending.length)}${ending}`;
    if (!isTaken(free)) return free;
  }
}

/** The beginning of a text, without half a character at its end. */
function cut(text: string, lengthMax: number): string {
  return text.slice(0, lengthMax).replace(/[\ud800-\udbff]$/, '');
}
