/**
 * form-faults.ts – Which field of a form a refusal is about.
 */
import { ServerRefusal } from '../server/refusal.ts';

/**
 * By the first step of its pointer (`url` of `/url`), what is wrong; '' is what no field that is
 * named is the place for.
 */
export function faultsByField(
  error: unknown,
  fields: readonly string[],
): ReadonlyMap<string, string> {
  const faults = new Map<string, string>();
  if (!error) return faults;
  const add = (field: string, detail: string) =>
    faults.set(field, faults.has(field) ? `${faults.get(field)} ${detail}` : detail);
  if (error instanceof ServerRefusal)
    for (const { path, detail } of error.faults) {
      const [, field = ''] = path.split('/');
      add(fields.includes(field) ? field : '', detail);
    }
  if (faults.size === 0) add('', error instanceof Error ? error.message : String(error));
  return faults;
}
