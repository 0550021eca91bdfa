/**
 * retry-after.ts – Reads from a receiver's answer when it may be asked again (RFC 9110: seconds, or
 * a date).
 */

/** An HTTP date begins with the name of its day. */
const DATE = /^[A-Za-z]{3,9},? /;

/**
 * In milliseconds from now; undefined if nothing is given, or nothing that can be read, or a time
 * that is over.
 */
export function readRetryAfter(
  header: string | string[] | undefined,
  nowMs: number,
): number | undefined {
  const text = [header].flat()[0]?.trim() ?? '';
  const waitMs = /^\d+$/.test(text)
    ? Number(text) * 1000
    : DATE.test(text)
      ? Date.parse(text) - nowMs
      : Number.NaN;
  return waitMs > 0 ? waitMs : undefined;
}
