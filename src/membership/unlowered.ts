/**
 * unlowered.ts – Predicates as they were before they were lowered (query/network/lower.ts).
 *
 * Keeps true: a condition on a derived attribute is one over an edge again, so that the reference
 * can evaluate it.
 */
import type { Catalog } from '../catalog/catalog.ts';
import { isDerivedName, readDerivedName } from '../query/network/derived-attribute.ts';
import { ALWAYS, type Atom, MEASURE, type Predicate } from '../query/predicate/predicate.ts';
import { predicateAttributes } from '../query/predicate/statement.ts';
import { foldPredicate } from '../query/predicate/walk.ts';

/**
 * A predicate as it was before it was lowered (query/network/lower.ts): a condition on a derived
 * attribute is one over an edge again.
 * @returns undefined if a part of it reads derived attributes in a way that no edge expresses.
 */
export function withEdges(predicate: Predicate, catalog: Catalog): Predicate | undefined {
  return foldPredicate<Predicate | undefined>(predicate, {
    group: (kind, children) =>
      children.every((child) => child !== undefined) ? { kind, children } : undefined,
    not: (child) => child && { kind: 'not', child },
    related: (condition) => condition,
    atom: (atom) => atomWithEdges(atom, catalog),
  });
}

function atomWithEdges(atom: Atom, catalog: Catalog): Predicate | undefined {
  const [name, ...others] = predicateAttributes(atom);
  if (![name, ...others].some((each) => each !== undefined && isDerivedName(each))) return atom;
  if (others.length > 0 || !('view' in atom || atom.kind === 'present')) return undefined;
  const { edge, direction, measure, predicateId } = readDerivedName(name!);
  const where = withEdges(catalog.predicateIds.get(predicateId)?.predicate ?? ALWAYS, catalog);
  if (!where) return undefined;
  const measured =
    atom.kind === 'present'
      ? { ...atom, attribute: MEASURE }
      : { ...atom, view: { ...atom.view, attribute: MEASURE } };
  return { kind: 'edge', edge, direction, measure, where, holds: measured };
}
