/**
 * value-row.ts – Fields of the hashes of different values: `value-counts:<predicate id>` and
 * `value-sources:<predicate id>`.
 *
 * Keeps true: a field names the value first, for names of values hold no line break and ids of
 * targets may hold anything.
 */
import type { TargetValue } from '../../membership/value-key.ts';

/** The name of the value, a line break, the id of the target. */
export function valueField({ target, value }: TargetValue): string {
  return `${value}\n${target}`;
}

export function readValueField(field: string): TargetValue {
  const end = field.indexOf('\n');
  return { value: field.slice(0, end), target: field.slice(end + 1) };
}

/** `0,3,12` */
export function packSources(sources: readonly number[]): string {
  return sources.join();
}

/** None if there is no row. */
export function readSources(packed: string | null): readonly number[] {
  return packed ? packed.split(',').map(Number).filter(Number.isSafeInteger) : [];
}
