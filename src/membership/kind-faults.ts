/**
 * kind-faults.ts – Keys that hold another kind of value than their names say.
 *
 * Keeps true: they are looked for before anything else is read, for such a key stops every reader,
 * the audit too. What follows from the records is removed, to be rebuilt; records themselves must
 * not be removed.
 */
import type { KeyAudits } from './audit-store.ts';
import type { StoredFault } from './fault.ts';

export async function findKindFaults(keys: Pick<KeyAudits, 'wrongKinds'>): Promise<StoredFault[]> {
  const faults: StoredFault[] = [];
  for await (const { partition, kind, text, removal } of keys.wrongKinds()) {
    const at = partition === undefined ? {} : { partition };
    const mend = removal ? { mend: removal } : {};
    faults.push({ place: 'kinds', of: kind, text, isExtra: true, ...at, ...mend });
  }
  return faults;
}
