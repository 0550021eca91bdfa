/**
 * edit-history.ts – What was edited, so that it can be undone and done again.
 *
 * Keeps true: what is typed in one go at one place is one step. The steps that are kept are
 * bounded.
 */
import type { DraftGroup } from './draft.ts';

export interface EditHistory {
  readonly now: DraftGroup;
  readonly before: readonly DraftGroup[];
  readonly after: readonly DraftGroup[];
  /** The place of the last edit, and when it was. */
  readonly place?: string | undefined;
  readonly atMs: number;
}

export type EditStep =
  | {
      readonly kind: 'edit';
      readonly change: (now: DraftGroup) => DraftGroup;
      /** Edits of one place that follow each other at once are one. */
      readonly place?: string | undefined;
      readonly atMs: number;
    }
  | { readonly kind: 'undo' | 'redo' }
  /** Another filter takes its place: nothing before it can come back. */
  | { readonly kind: 'start'; readonly draft: DraftGroup };

const STEPS_MAX = 200;
const ONE_GO_MS = 1000;

export function startHistory(draft: DraftGroup): EditHistory {
  return { now: draft, before: [], after: [], atMs: 0 };
}

export function stepped(history: EditHistory, step: EditStep): EditHistory {
  switch (step.kind) {
    case 'edit':
      return edited(history, step);
    case 'start':
      return startHistory(step.draft);
    case 'undo': {
      const { now, before, after } = history;
      const last = before.at(-1);
      if (!last) return history;
      return { now: last, before: before.slice(0, -1), after: [now, ...after], atMs: 0 };
    }
    case 'redo': {
      const { now, before, after } = history;
      const [next, ...rest] = after;
      if (!next) return history;
      return { now: next, before: [...before, now], after: rest, atMs: 0 };
    }
  }
}

function edited(
  history: EditHistory,
  { change, place, atMs }: Extract<EditStep, { kind: 'edit' }>,
): EditHistory {
  const now = change(history.now);
  if (now === history.now) return history;
  const isSameGo =
    place !== undefined && place === history.place && atMs - history.atMs < ONE_GO_MS;
  const before = isSameGo ? history.before : [...history.before, history.now].slice(-STEPS_MAX);
  return { now, before, after: [], place, atMs };
}
