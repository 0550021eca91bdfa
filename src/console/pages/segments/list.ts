/**
 * list.ts – Which segments the list shows, and in which order.
 */
import type { CountShown } from '../../server/answers.ts';
import type { ListedSegment } from '../../server/queries.ts';
import type { Uses } from './uses.ts';

export const STATUS_CHOICES = [
  ['any', 'Any status'],
  ['ready', 'Live'],
  ['building', 'Building'],
  ['failed', 'Failed'],
] as const;
export type StatusChoice = (typeof STATUS_CHOICES)[number][0];

export const ORDER_CHOICES = [
  ['used', 'Most used first'],
  ['members', 'Most members first'],
  ['title', 'By title'],
  ['edited', 'Last edited first'],
] as const;
export type OrderChoice = (typeof ORDER_CHOICES)[number][0];

export interface ListWish {
  readonly text: string;
  /** '': of all types. */
  readonly type: string;
  readonly status: StatusChoice;
  readonly order: OrderChoice;
}

export interface ListFacts {
  readonly usesOf: (segment: ListedSegment) => Uses;
  readonly counts: ReadonlyMap<string, CountShown> | undefined;
}

const byTitle = new Intl.Collator('en', { sensitivity: 'base', numeric: true }).compare;

export function listed(
  segments: readonly ListedSegment[],
  { text, type, status, order }: ListWish,
  facts: ListFacts,
): ListedSegment[] {
  const sought = plain(text);
  const isShown = (segment: ListedSegment) =>
    (type === '' || segment.object_type === type) &&
    (status === 'any' || segment.status === status) &&
    (sought === '' || plain(searched(segment)).includes(sought));
  const rank = rankOf(order, facts);
  const ranked = segments.filter(isShown).map((segment) => ({ segment, rank: rank(segment) }));
  return ranked
    .sort((a, b) => b.rank - a.rank || byTitle(a.segment.title, b.segment.title))
    .map(({ segment }) => segment);
}

/** Its sentence names the fields that it asks of. */
function searched({ title, slug, description = '', words }: ListedSegment): string {
  return `${title}\n${slug}\n${description}\n${words}`;
}

/** A field is found as it is declared, too: `last_seen_at` is "last seen at" in a sentence. */
function plain(text: string): string {
  return text.trim().toLowerCase().replaceAll('_', ' ');
}

function rankOf(
  order: OrderChoice,
  { usesOf, counts }: ListFacts,
): (segment: ListedSegment) => number {
  switch (order) {
    case 'used':
      return (segment) => {
        const { views, webhooks, segments } = usesOf(segment);
        return views + webhooks + segments;
      };
    case 'members':
      return ({ slug }) => counts?.get(slug)?.count ?? -1;
    case 'edited':
      return ({ updated_at }) => Date.parse(updated_at);
    case 'title':
      return () => 0;
  }
}
