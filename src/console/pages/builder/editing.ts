/**
 * editing.ts – What the controls of a builder know, and what they can ask for.
 *
 * Keeps true: it stays the same object while a filter is edited, so that only the conditions that
 * change are drawn again.
 */
import { createContext, useContext } from 'react';
import type { OperatorsShown } from '../../server/answers.ts';
import type { DraftGroup, DraftNode, DraftRule, Joint } from './draft.ts';
import type { NodeFault, ReadingContext } from './faults.ts';

/** What can be done with a node as a whole. */
export type NodeAct = 'add' | 'addGroup' | 'duplicate' | 'remove' | 'mute' | 'up' | 'down' | 'wrap';

export interface Editing extends ReadingContext {
  readonly table: OperatorsShown;
  /** The segment that is edited: it can't ask for itself. */
  readonly slug: string | undefined;
  /** Changes a rule. Edits of one `place` that follow at once are undone together. */
  readonly change: (path: string, change: (rule: DraftRule) => DraftNode, place?: string) => void;
  readonly changeGroup: (path: string, change: (group: DraftGroup) => DraftGroup) => void;
  readonly act: (name: NodeAct, path: string) => void;
}

/** What is known of the nodes. */
export interface NodeNotes {
  /** By their keys, how many records pass each alone. */
  readonly counts: ReadonlyMap<string, number | null>;
  readonly of: number | null | undefined;
  /** By their keys, how many pass it and all before it, once that is asked for. */
  readonly left: ReadonlyMap<string, number>;
  /** By their paths. */
  readonly faults: ReadonlyMap<string, NodeFault>;
  /** By their keys, as they were before the draft. */
  readonly saved: ReadonlyMap<string, DraftNode>;
}

export const EditingContext = createContext<Editing | undefined>(undefined);

export function useEditing(): Editing {
  const editing = useContext(EditingContext);
  if (!editing) throw new Error('bug: a control stands outside of a builder');
  return editing;
}

/** How groups combine, for controls. */
export const JOINT_TITLES: readonly (readonly [Joint, string])[] = [
  ['all', 'All'],
  ['any', 'Any'],
  ['none', 'None'],
];
