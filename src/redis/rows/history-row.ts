/**
 * history-row.ts – The buckets of a segment in one month of a partition, as one text.
 *
 * Keeps true: what is packed is read back as it was. A bucket is `<minutes>.<entered>.<left>` in
 * base 36, the minutes since the one before; zeros at its end are left out. The first one, and one
 * that begins anew, also have their count.
 */
import type { HistoryBucket } from '../../history/history-bucket.ts';

const MINUTE_MS = 60_000;
/** A count that follows from nothing, and one that is only not written anywhere before. */
const ANEW = '=';
const FIRST = ':';

export function packBuckets(buckets: readonly HistoryBucket[]): string {
  let before: HistoryBucket | undefined;
  const packed: string[] = [];
  for (const bucket of buckets) {
    packed.push(packBucket(bucket, before));
    before = bucket;
  }
  return packed.join(',');
}

function packBucket(bucket: HistoryBucket, before: HistoryBucket | undefined): string {
  const minutes = (bucket.at - (before?.at ?? 0)) / MINUTE_MS;
  const numbers = [minutes, bucket.entered, bucket.left].map((each) => each.toString(36));
  const text = numbers.join('.').replace(/(\.0)+$/, '');
  if (before && !bucket.isAnew) return text;
  const mark = bucket.isAnew ? ANEW : FIRST;
  return `${text}${mark}${bucket.count === null ? '' : bucket.count.toString(36)}`;
}

const ROW =
  /^[0-9a-z]+(\.[0-9a-z]+){0,2}[=:][0-9a-z]*(,[0-9a-z]+(\.[0-9a-z]+){0,2}(=[0-9a-z]*)?)*$/;

/** None of a row that another program has written: nobody knows what was. */
export function readBuckets(packed: string): HistoryBucket[] {
  const buckets: HistoryBucket[] = [];
  if (!ROW.test(packed)) return buckets;
  for (const text of packed.split(',')) {
    const before = buckets.at(-1);
    const [numbers, counted] = text.split(/[=:]/) as [string, string | undefined];
    const [minutes, entered = 0, left = 0] = numbers.split('.').map((each) => parseInt(each, 36));
    const known = before?.count ?? null;
    const follows = known === null ? null : known + entered - left;
    const written = counted === '' ? null : parseInt(counted ?? '', 36);
    buckets.push({
      at: (before?.at ?? 0) + minutes! * MINUTE_MS,
      count: counted === undefined ? follows : written,
      entered,
      left,
      isAnew: text.includes(ANEW),
    });
  }
  return buckets;
}

/** Where the size of a segment after the commit of an entry is noted, until that is folded. */
export function sizeField(feedId: number, entry: string): string {
  return `${feedId}:${entry}`;
}
