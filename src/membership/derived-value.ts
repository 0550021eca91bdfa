/**
 * derived-value.ts – What a record's derived attributes are worth, over the rows that its partition
 * keeps of its neighbours.
 *
 * Keeps true: all that evaluates a lowered predicate over stored rows reads them here, so that it
 * reads them as the engine does.
 */
import {
  type DerivedAttribute,
  isDerivedName,
  readDerivedName,
} from '../query/network/derived-attribute.ts';
import { keptFor, measureRow, overNothing } from '../query/predicate/measures.ts';
import { type PartialState, RunningTally, type Tally } from '../query/predicate/tally.ts';
import { type NeighbourRow, type RelatedRow, tallyOf } from './neighbour-row.ts';

/** A derived attribute and the name under which the network knows it. */
export interface DerivedRead extends DerivedAttribute {
  readonly name: string;
  /** Whether the shared predicate holds of nothing: what an absent neighbour counts as. */
  readonly absentTruth: boolean;
  /** What partitions keep of the values that it is read off. */
  readonly keeps: PartialState | undefined;
}

/** Undefined: the name is one of a declared attribute. */
export function derivedRead(
  name: string,
  absentTruth: (predicateId: number) => boolean,
): DerivedRead | undefined {
  if (!isDerivedName(name)) return undefined;
  const derived = readDerivedName(name);
  const { measure, predicateId } = derived;
  const keeps = 'attribute' in measure ? keptFor(measure.kind) : undefined;
  return { ...derived, name, keeps, absentTruth: absentTruth(predicateId) };
}

/**
 * The value of a derived attribute for a record that has no neighbours; undefined: it is missing.
 */
export function blankValue({ measure }: DerivedAttribute, absentTruth: boolean): unknown {
  if (measure.kind === 'truth') return absentTruth;
  return measure.kind === 'exists' ? false : overNothing(measure.kind);
}

/**
 * The value that a holder's derived attribute has over the rows of its targets. Caller: every
 * target has answered.
 */
export function outValue(read: DerivedRead, rows: readonly NeighbourRow[]): unknown {
  const { measure, predicateId } = read;
  const first = rows.find(({ shared }) => shared)?.shared;
  if (!first) return blankValue(read, read.absentTruth);
  if (measure.kind === 'truth' || measure.kind === 'exists')
    return first.truth.includes(predicateId);
  return measureRow(measure.kind).readOff(outTally(read, rows));
}

/** What the targets of a holder add up to. */
export function outTally(
  { predicateId, keeps }: Pick<DerivedRead, 'predicateId' | 'keeps'>,
  rows: readonly NeighbourRow[],
): Tally {
  const tally = new RunningTally(keeps);
  for (const { shared } of rows) {
    if (!shared) continue;
    if (shared.truth.includes(predicateId)) tally.add(shared.values[predicateId]);
    else tally.leaveOut();
  }
  return tally;
}

/**
 * The value that a target's derived attribute has over what its holders add up to. `different`: how
 * many different values they have, where these are kept.
 */
export function inValue(
  { measure, predicateId }: DerivedRead,
  { edgeId }: { readonly edgeId: number },
  related: RelatedRow,
  different = 0,
): unknown {
  const tally = tallyOf(Object.values(related), predicateId);
  if (measure.kind === 'truth' || measure.kind === 'exists') return tally.count > 0;
  const { readOff, ofAll } = measureRow(measure.kind);
  if (different > 0) return readOff({ ...tally, different });
  if (!ofAll) return readOff(tally);
  return readOff({ ...tally, all: tallyOf(Object.values(related), edgeId).count });
}
