/**
 * place.ts – How far the way from one partition to another has been gone.
 *
 * Keeps true: `meta` of the source (`sent:<target>`) and `delivered` of the target write it the same, so that a way on which
 * nothing is under way has equal texts at both ends. Generations only grow; within one, sequences do.
 */

export interface Place {
  readonly generation: number;
  /** -1 at a target: it asks for a resynchronization. */
  readonly sequence: number;
}

export const NOWHERE: Place = { generation: 0, sequence: 0 };

/** Reads `<generation> <sequence>…`. */
export function readPlace(stored: string | null | undefined): Place {
  if (!stored) return NOWHERE;
  const [generation, sequence] = stored.split(' ');
  return { generation: Number(generation), sequence: Number(sequence) };
}

export function packPlace({ generation, sequence }: Place): string {
  return `${generation} ${sequence}`;
}

export function isAhead(a: Place, b: Place): boolean {
  return a.generation > b.generation || (a.generation === b.generation && a.sequence > b.sequence);
}
