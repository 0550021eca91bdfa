/**
 * thread-messages.ts – What the thread of previews and its process say to each other.
 */
import type { ErrorCode, Fault } from '../errors.ts';
import type { Preview, PreviewProgress } from './preview.ts';
import type { PreviewRun } from './run.ts';

/** What the thread begins with. */
export interface ThreadData {
  readonly url: string;
  readonly prefix: string;
  readonly partitions: number;
}

/** `id` names a run. */
export type ThreadRequest =
  | { readonly kind: 'run'; readonly id: number; readonly run: PreviewRun }
  | { readonly kind: 'cancel'; readonly id: number };

/** Each run ends with exactly one message that is no progress. */
export type ThreadAnswer =
  | { readonly kind: 'progress'; readonly id: number; readonly progress: PreviewProgress }
  | { readonly kind: 'result'; readonly id: number; readonly preview: Preview }
  | { readonly kind: 'cancelled'; readonly id: number }
  | {
      readonly kind: 'refused';
      readonly id: number;
      readonly code: ErrorCode;
      readonly detail: string;
      readonly faults: readonly Fault[];
    }
  /** A fault of ours. */
  | { readonly kind: 'failed'; readonly id: number; readonly message: string };
