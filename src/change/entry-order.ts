/**
 * entry-order.ts – The order of entries in a log or an inbox, by their ids.
 *
 * Keeps true: a later entry has a higher id: milliseconds, then a sequence, as `<ms>-<sequence>`.
 */

/** Comes before every entry. */
export const STREAM_START = '0-0';

/** Negative if `a` comes first. */
export function compareEntries(a: string, b: string): number {
  const [aMs = '0', aSequence = '0'] = a.split('-');
  const [bMs = '0', bSequence = '0'] = b.split('-');
  return Number(aMs) - Number(bMs) || Number(aSequence) - Number(bSequence);
}
