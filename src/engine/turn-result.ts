/**
 * turn-result.ts – The result of one turn of a partition, for its driver.
 */
import type { Piece } from './care.ts';
import type { Step } from './step.ts';

export type TurnResult =
  /** There is nothing to do for so long, unless something comes. */
  | { readonly kind: 'idle'; readonly forMs: number }
  /** Nothing was committed, and there is more to do. */
  | { readonly kind: 'again' }
  | { readonly kind: 'committed'; readonly made: Step; readonly isNews: boolean }
  /** The step threw; with care, under this piece. */
  | { readonly kind: 'failed'; readonly error: unknown; readonly piece: Piece | undefined }
  /** The partition is not ours any more, or it is not known whether it is. */
  | { readonly kind: 'lost'; readonly why: 'fenced' | 'rolled-back' | 'unknown' };

export const AGAIN: TurnResult = { kind: 'again' };
