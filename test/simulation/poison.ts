/**
 * poison.ts – Changes under which a step throws, or the process dies, whenever it comes to them.
 *
 * Keeps true: such a change is of a record of its own, so that nothing else depends on it; it goes
 * to the dead letters in the end, once, and all else is as if it had never been sent.
 */
import { type Step, type StepContext, step } from '../../src/engine/step.ts';
import type { Guards } from './faults.ts';

/** What comes of a change of the record of this id. */
export const TROUBLES = ['poison', 'deadly'] as const;
export type Trouble = (typeof TROUBLES)[number];

/** The step of a process in which such records can't be looked at. `die`: its process dies now. */
export function poisonedStep(guards: Guards, die: () => void): typeof step {
  return (batch, context): Step => {
    const row: StepContext['row'] = (objectType, id) => {
      if (id === 'poison') throw new Error('poison');
      if (id === 'deadly') {
        die();
        throw new Error('the process dies');
      }
      return context.row(objectType, id);
    };
    const changed = new Set(
      batch.entries.flatMap(({ changes }) =>
        changes.map((change) => `${change.object_type}:${change.id}`),
      ),
    );
    const rowWithout: StepContext['row'] = (objectType, id) => {
      const stored = row(objectType, id);
      return changed.has(`${objectType}:${id}`) ? { ...stored, due: undefined } : stored;
    };
    // Without the guard a touch sets the timer anew, as if the record had never been due.
    return step(batch, { ...context, row: guards.fireBeforeChange ? row : rowWithout });
  };
}
