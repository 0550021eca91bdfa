/**
 * normalize.ts – The one form of a predicate by which two segments that say the same are found to be the same.
 *
 * Keeps true: the form has the predicate's truth for every record whose values fit their types, and normalizing it again
 * changes nothing. `not` stands at atoms only; groups are flat, sorted, without repetition, and hold no part that the others
 * decide; what is said of one view of an attribute (equality, ranges, presence, in any combination) is one value set.
 * Groups are worked out as conjunctions only: a disjunction is the complement of the conjunction of complements.
 */
import { assert, unreachable } from '../errors.ts';
import { atomKey, atomReads } from './atom.ts';
import {
  ALWAYS,
  type Atom,
  type AttributeView,
  and,
  type Interval,
  NEVER,
  not,
  or,
  type Predicate,
  type Scalar,
} from './predicate.ts';
import {
  complementOf,
  hasAllValues,
  intersectionOf,
  isAnything,
  isNothing,
  isPoint,
  isPointwise,
  PRESENT,
  setOfIntervals,
  setOfPoints,
  type ValueSet,
} from './value-set.ts';

/** The predicate in normal form. */
export function normalize(predicate: Predicate): Predicate {
  return lowered(formOf(predicate, false));
}

/** A predicate as a string: of two in normal form the same string means the same statement. */
export function predicateKey(predicate: Predicate): string {
  switch (predicate.kind) {
    case 'and':
    case 'or':
      return `${predicate.kind}(${predicate.children.map(predicateKey).join()})`;
    case 'not':
      return `not(${predicateKey(predicate.child)})`;
    default:
      return atomKey(predicate);
  }
}

// ——— The form in which predicates are worked on ———

/** `key` is the same for the same form. A `fact` is an atom that is no value set: the text of a string, a member, a program. */
type Form =
  | { readonly kind: 'values'; readonly key: string; readonly view: AttributeView; readonly set: ValueSet }
  | { readonly kind: 'fact'; readonly key: string; readonly atom: FactAtom; readonly negated: boolean }
  | { readonly kind: 'and' | 'or'; readonly key: string; readonly children: readonly Form[] };

type FactAtom = Exclude<Atom, { kind: 'equals' | 'range' | 'present' }>;
type ValuesForm = Extract<Form, { kind: 'values' }>;
type FactForm = Extract<Form, { kind: 'fact' }>;
type GroupForm = Extract<Form, { kind: 'and' | 'or' }>;

function valuesForm(view: AttributeView, set: ValueSet): ValuesForm {
  return { kind: 'values', key: JSON.stringify([view.attribute, view.folded, set.missing, set.values]), view, set };
}

function factForm(atom: FactAtom, negated: boolean): FactForm {
  return { kind: 'fact', key: `${negated ? '!' : ''}${atomKey(atom)}`, atom, negated };
}

function groupForm(kind: 'and' | 'or', children: readonly Form[]): GroupForm {
  const sorted = [...children].sort((a, b) => compareText(a.key, b.key));
  return { kind, key: `${kind}(${sorted.map(({ key }) => key).join()})`, children: sorted };
}

const FAILS = groupForm('or', []);

/** Each form and its complement, made once: nested disjunctions ask for it at every level. */
const complements = new WeakMap<Form, Form>();

function complement(form: Form): Form {
  const known = complements.get(form);
  if (known) return known;
  const made = makeComplement(form);
  complements.set(form, made);
  complements.set(made, form);
  return made;
}

function makeComplement(form: Form): Form {
  switch (form.kind) {
    case 'values':
      return valuesForm(form.view, complementOf(form.set));
    case 'fact':
      return factForm(form.atom, !form.negated);
    case 'and':
      return groupForm('or', form.children.map(complement));
    case 'or':
      return groupForm('and', form.children.map(complement));
    default:
      return unreachable(form);
  }
}

/** The form of a predicate, or of its complement. */
function formOf(predicate: Predicate, negated: boolean): Form {
  switch (predicate.kind) {
    case 'and':
    case 'or': {
      const children = predicate.children.map((child) => formOf(child, negated));
      return (predicate.kind === 'and') === negated ? disjunction(children) : conjunction(children);
    }
    case 'not':
      return formOf(predicate.child, !negated);
    default:
      return negated ? complement(atomForm(predicate)) : atomForm(predicate);
  }
}

function atomForm(atom: Atom): Form {
  switch (atom.kind) {
    case 'equals':
      return valuesForm(atom.view, setOfPoints(atom.values));
    case 'range':
      return valuesForm(atom.view, setOfIntervals(atom.intervals));
    case 'present':
      return presence(atom.attribute);
    case 'prefix':
    case 'suffix':
    case 'substring':
      return atom.needle === '' ? presence(atom.view.attribute) : factForm(atom, false);
    case 'compare':
      return compareForm(atom);
    case 'member':
    case 'program':
      return factForm(atom, false);
    default:
      return unreachable(atom);
  }
}

function presence(attribute: string): ValuesForm {
  return valuesForm({ attribute, folded: false }, PRESENT);
}

/** A value compared with itself says only whether it is there; equality has no left and right. */
function compareForm(atom: Extract<Atom, { kind: 'compare' }>): Form {
  const [left, right] = [viewKey(atom.left), viewKey(atom.right)];
  if (left === right) return atom.order === '<' ? FAILS : presence(atom.left.attribute);
  const turned = atom.order === '=' && left > right;
  return factForm(turned ? { ...atom, left: atom.right, right: atom.left } : atom, false);
}

function viewKey({ attribute, folded }: AttributeView): string {
  return folded ? `${attribute}~` : attribute;
}

// ——— Groups ———

function disjunction(children: readonly Form[]): Form {
  return complement(conjunction(children.map(complement)));
}

function conjunction(children: readonly Form[]): Form {
  const parts = children.flatMap((child) => (child.kind === 'and' ? child.children : [child]));
  const others = new Map<string, FactForm | GroupForm>();
  for (const part of parts) if (part.kind !== 'values') others.set(part.key, part);
  if (hasContradiction(others)) return FAILS;
  const sets = settlePresence(
    intersections(parts.filter((part) => part.kind === 'values')),
    attributesPresentBy(others.values()),
  );
  if (sets.some(({ set }) => isNothing(set))) return FAILS;
  const telling = [...sets.filter(({ set }) => !isAnything(set)), ...others.values()];
  const absent = new Set(telling.filter(isAbsence).map(({ view }) => view.attribute));
  return withoutDecided(telling.filter((part) => isAbsence(part) || !followsFromAbsence(part, absent)));
}

/** A part that never holds, or a fact whose complement stands beside it. */
function hasContradiction(parts: ReadonlyMap<string, Form>): boolean {
  if (parts.has(FAILS.key)) return true;
  for (const part of parts.values()) if (part.kind === 'fact' && parts.has(complement(part).key)) return true;
  return false;
}

/** Joins the parts after taking out what the others decide: `a and (a or b)` is `a`, `a and (not a or b)` is `a and b`. */
function withoutDecided(parts: readonly Form[]): Form {
  const keys = new Set(parts.map(({ key }) => key));
  const undecided = parts.flatMap((part) => (part.kind === 'or' ? undecidedPart(part, keys) : [part]));
  const unchanged = undecided.length === parts.length && undecided.every((part, index) => part === parts[index]);
  if (!unchanged) return conjunction(undecided);
  return parts.length === 1 ? parts[0]! : groupForm('and', parts);
}

/** What is left of a disjunction beside parts that hold: nothing, if one of its own is among them. */
function undecidedPart(part: GroupForm, holding: ReadonlySet<string>): Form[] {
  if (part.children.some(({ key }) => holding.has(key))) return [];
  const open = part.children.filter((child) => !holding.has(complement(child).key));
  return [open.length === part.children.length ? part : disjunction(open)];
}

/** One value set for each view: the lower-cased views first, since one that says nothing but presence is said of the attribute. */
function intersections(parts: readonly ValuesForm[]): ValuesForm[] {
  const folded = intersectByView(parts.filter(({ view }) => view.folded)).map(unfoldTrivial);
  return intersectByView([...parts.filter(({ view }) => !view.folded), ...folded]);
}

function intersectByView(parts: readonly ValuesForm[]): ValuesForm[] {
  const byView = new Map<string, ValuesForm[]>();
  for (const part of parts) {
    const same = byView.get(viewKey(part.view));
    if (same) same.push(part);
    else byView.set(viewKey(part.view), [part]);
  }
  return [...byView.values()].map((same) =>
    same.length === 1 ? same[0]! : valuesForm(same[0]!.view, intersectionOf(same.map(({ set }) => set))),
  );
}

function unfoldTrivial(form: ValuesForm): ValuesForm {
  const { view, set } = form;
  if (set.values.length > 0 && !hasAllValues(set)) return form;
  return valuesForm({ attribute: view.attribute, folded: false }, set);
}

// ——— Presence ———

/** The attributes that have a value if these parts hold: each atom but a program is false of a missing value. */
function attributesPresentBy(parts: Iterable<FactForm | GroupForm>): Set<string> {
  const present = new Set<string>();
  for (const part of parts) {
    if (part.kind !== 'fact' || part.negated || part.atom.kind === 'program') continue;
    for (const attribute of atomReads(part.atom)) present.add(attribute);
  }
  return present;
}

/** Where an attribute is known to be there, its sets need not say so: each is given the shorter of its forms. */
function settlePresence(sets: readonly ValuesForm[], present: ReadonlySet<string>): ValuesForm[] {
  const attributes = new Set(sets.map(({ view }) => view.attribute));
  return [...attributes].flatMap((attribute) => {
    const own = sets.filter(({ view }) => view.attribute === attribute);
    if (present.has(attribute)) return own.map(knownPresent);
    return own.some(({ set }) => !set.missing) ? presentOnce(attribute, own.map(knownPresent)) : own;
  });
}

/** The set, given that there is a value: whether it holds for a missing one is then open, and follows from its values. */
function knownPresent({ view, set }: ValuesForm): ValuesForm {
  if (set.values.length === 0) return valuesForm(view, { values: [], missing: false });
  const missing = !isPointwise(set) && isPointwise(complementOf(set));
  return valuesForm(view, { values: set.values, missing });
}

/** Sets that are to say together that there is a value: if none does any more, the plain view's says it. */
function presentOnce(attribute: string, sets: readonly ValuesForm[]): ValuesForm[] {
  if (sets.some(({ set }) => !set.missing)) return [...sets];
  const plain = sets.find(({ view }) => !view.folded)?.set ?? PRESENT;
  const folded = sets.filter(({ view }) => view.folded);
  return [...folded, valuesForm({ attribute, folded: false }, { values: plain.values, missing: false })];
}

/** Whether the form says that an attribute has no value, and nothing else. */
function isAbsence(form: Form): form is ValuesForm {
  return form.kind === 'values' && form.set.missing && form.set.values.length === 0;
}

/** Whether the part holds if these attributes have no values: nothing is contained in what is not there. */
function followsFromAbsence(part: Form, absent: ReadonlySet<string>): boolean {
  if (part.kind === 'values') return part.set.missing && absent.has(part.view.attribute);
  if (part.kind !== 'fact' || !part.negated || part.atom.kind === 'program') return false;
  return atomReads(part.atom).some((attribute) => absent.has(attribute));
}

// ——— Back to predicates ———

function lowered(form: Form): Predicate {
  switch (form.kind) {
    case 'values':
      return loweredSet(form.view, form.set);
    case 'fact':
      return form.negated ? not(form.atom) : form.atom;
    case 'and':
    case 'or':
      return group(form.kind, form.children.map(lowered));
    default:
      return unreachable(form);
  }
}

/** Sorted, and flat: a value set may have become a group of its own. */
function group(kind: 'and' | 'or', parts: readonly Predicate[]): Predicate {
  const flat = parts.flatMap((part) => (part.kind === kind ? part.children : [part]));
  const keyed = flat.map((part) => ({ part, key: predicateKey(part) })).sort((a, b) => compareText(a.key, b.key));
  const children = keyed.map(({ part }) => part);
  return kind === 'and' ? and(children) : or(children);
}

/** The fewest atoms that say the set: lists of values before ranges, and what is left out where that is a list. */
function loweredSet(view: AttributeView, set: ValueSet): Predicate {
  if (isNothing(set)) return NEVER;
  if (isAnything(set)) return ALWAYS;
  const present: Predicate = { kind: 'present', attribute: view.attribute };
  const rest = complementOf(set);
  if (hasAllValues(set)) return present;
  if (set.values.length === 0) return not(present);
  if (set.missing) {
    if (isPointwise(rest)) return not(equals(view, rest.values));
    if (isPointwise(set)) return group('or', [equals(view, set.values), not(present)]);
    return not(loweredSet(view, rest));
  }
  if (isPointwise(set)) return equals(view, set.values);
  if (isPointwise(rest)) return group('and', [not(equals(view, rest.values)), present]);
  return pointsAndSpans(view, set.values);
}

function pointsAndSpans(view: AttributeView, values: readonly Interval[]): Predicate {
  const points = values.filter(isPoint);
  const range: Atom = { kind: 'range', view, intervals: values.filter((interval) => !isPoint(interval)) };
  return points.length === 0 ? range : group('or', [equals(view, points), range]);
}

function equals(view: AttributeView, points: readonly Interval[]): Atom {
  assert(points.length > 0, 'equality names a value');
  return { kind: 'equals', view, values: points.map(({ low }) => low as Scalar) };
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
