/**
 * letter-faults.ts – Finds partitions whose index of dead letters is not as the letters are.
 *
 * Keeps true: by that index a record's letters go with it, and the bounds of all are kept. It
 * follows from the letters alone, and is written anew from them.
 */
import type { KeyAudits } from './audit-store.ts';
import type { StoredFault } from './fault.ts';

export async function findLetterFaults(
  keys: Pick<KeyAudits, 'letterIndexMend'>,
  partitions: readonly number[],
): Promise<StoredFault[]> {
  const faults: StoredFault[] = [];
  for (const partition of partitions) {
    const mend = await keys.letterIndexMend(partition);
    const text = `partition ${partition}`;
    const about = { place: 'letters', partition, of: 'dead-index', text, isExtra: true } as const;
    if (mend) faults.push({ ...about, mend });
  }
  return faults;
}
