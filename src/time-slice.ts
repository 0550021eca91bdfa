/**
 * time-slice.ts – Long work shares the event loop: who works through many small things asks now and
 * then whether to give way.
 *
 * Keeps true: of all who work so, together, one turn of the loop does at most about SLICE_MS; they
 * take turns in the order in which they gave way, so that many at once slow each other down and
 * nobody else.
 */
const SLICE_MS = 8;

const waiting: (() => void)[] = [];
let endsMs = 0;

/** @returns undefined if the work may go on, else when it may. */
export function breathe(): Promise<void> | undefined {
  if (performance.now() < endsMs) return undefined;
  return new Promise((resolve) => {
    if (waiting.push(resolve) === 1) setImmediate(turn);
  });
}

/** One of those who wait gets the slice of this turn of the loop. */
function turn(): void {
  endsMs = performance.now() + SLICE_MS;
  waiting.shift()?.();
  if (waiting.length > 0) setImmediate(turn);
}
