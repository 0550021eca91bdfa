/**
 * foreign-keys.ts – Makes room where another program has put another kind of value at a key.
 *
 * Keeps true: only such keys are removed that no answer about members rests on. Others stop the
 * partition, so that nothing wrong is answered, until an audit repairs them.
 */
import type { KeyAudits } from '../membership/audit-store.ts';

/** @returns the keys of a partition that were removed, and what they held, in words */
export async function removeForeign(
  keys: Pick<KeyAudits, 'wrongKinds'>,
  partition: number,
): Promise<string[]> {
  const removed: string[] = [];
  for await (const { partition: of, text, removal, isLoose } of keys.wrongKinds()) {
    if (of !== partition || !removal || !isLoose) continue;
    await removal.carryOut();
    removed.push(text);
  }
  return removed;
}
