/**
 * normalize.ts – The normal form of a predicate, by which two segments with the same meaning are
 * recognized.
 *
 * Keeps true: the form has the predicate's truth for every record whose values fit their types, and
 * normalizing it again changes nothing. `not` stands at atoms only; edges have their own
 * complements. Conditions side by side on one neighbour are one edge. Groups are flat, sorted,
 * without repetition, and hold no part that the others decide. Conditions on one view of an
 * attribute (equality, ranges, presence, in any combination) are one value set. Groups are worked
 * out as conjunctions only: a disjunction is the complement of the conjunction of complements.
 */
import { assert, unreachable } from '../../errors.ts';
import { pushTo } from '../../multimap.ts';
import { atomForm, atomKey, attributesPresentBy, type ValueView } from './atom.ts';
import { isPoint } from './interval.ts';
import { measureRow, overNothing } from './measures.ts';
import {
  ALWAYS,
  type Atom,
  type AttributeView,
  and,
  type Clock,
  equals,
  type Interval,
  MEASURE,
  type Measure,
  NEVER,
  not,
  or,
  type Predicate,
  present,
  type RelatedCondition,
  range,
  type Scalar,
} from './predicate.ts';
import { isTrue, MEASURED } from './relationships.ts';
import {
  complementOf,
  hasAllValues,
  intersectionOf,
  isAnything,
  isNothing,
  isPointwise,
  PRESENT,
  setOfPoints,
  type ValueSet,
} from './value-set.ts';
import { viewKey } from './view.ts';
import { foldPredicate } from './walk.ts';

/** The predicate in normal form. */
export function normalize(predicate: Predicate): Predicate {
  return lowered(formOf(predicate));
}

/** A predicate as a string: of two in normal form the same string means the same statement. */
export function predicateKey(predicate: Predicate): string {
  return foldPredicate<string>(predicate, {
    group: (kind, children) => `${kind}(${children.join()})`,
    not: (child) => `not(${child})`,
    related: (condition) => {
      const { where, holds } = condition;
      return `${measureKey(condition, predicateKey(where))}${predicateKey(holds)}`;
    },
    atom: atomKey,
  });
}

/** `@contacts.organization>truth(…)` */
function measureKey(
  { edge, direction, measure }: EdgeSide & { readonly measure: Measure },
  where: string,
): string {
  const attribute = 'attribute' in measure ? `:${measure.attribute}` : '';
  return `@${edge}${direction === 'out' ? '>' : '<'}${measure.kind}${attribute}(${where})`;
}

// ——— The form in which predicates are worked on ———

/**
 * What is known of a record's neighbours as a whole; it is looked at as an attribute, whose name is
 * the measure's key.
 */
interface MeasureView extends AttributeView {
  readonly of: EdgeSide & {
    readonly measure: Exclude<Measure, { kind: 'truth' }>;
    readonly where: Predicate;
  };
}

type EdgeSide = Pick<RelatedCondition, 'edge' | 'direction'>;
type View = ValueView | MeasureView;

/** Whether it is the ages of values that are looked at. */
function isAged(view: View): view is AttributeView & { readonly clock: Clock } {
  return 'clock' in view && view.clock !== undefined;
}

function keyOf(view: View): string {
  return isAged(view) ? `${view.attribute} ${JSON.stringify(view.clock)}` : viewKey(view);
}

/**
 * `key` is the same for the same form. A `fact` is an atom that is no value set: the text of a
 * string, a member, a program. `via` is a condition on the one neighbour over an edge, or on
 * nothing in its place.
 */
type Form =
  | { readonly kind: 'values'; readonly key: string; readonly view: View; readonly set: ValueSet }
  | { readonly kind: 'via'; readonly key: string; readonly at: EdgeSide; readonly child: Form }
  | {
      readonly kind: 'fact';
      readonly key: string;
      readonly atom: Atom;
      readonly negated: boolean;
    }
  | { readonly kind: 'and' | 'or'; readonly key: string; readonly children: readonly Form[] };

type ValuesForm = Extract<Form, { kind: 'values' }>;
type FactForm = Extract<Form, { kind: 'fact' }>;
type ViaForm = Extract<Form, { kind: 'via' }>;
type GroupForm = Extract<Form, { kind: 'and' | 'or' }>;

function valuesForm(view: View, given: ValueSet): ValuesForm {
  const set = 'of' in view ? measurable(view, given) : given;
  return {
    kind: 'values',
    key: JSON.stringify([keyOf(view), set.missing, set.values]),
    view,
    set,
  };
}

/** A statement about the neighbour that is decided without one is no statement about it. */
function viaForm({ edge, direction }: EdgeSide, child: Form): Form {
  if (child.key === FAILS.key || child.key === HOLDS.key) return child;
  const at = { edge, direction };
  return {
    kind: 'via',
    key: measureKey({ ...at, measure: { kind: 'truth' } }, child.key),
    at,
    child,
  };
}

function factForm(atom: Atom, negated: boolean): FactForm {
  return { kind: 'fact', key: `${negated ? '!' : ''}${atomKey(atom)}`, atom, negated };
}

function groupForm(kind: 'and' | 'or', children: readonly Form[]): GroupForm {
  const sorted = [...children].sort((a, b) => compareText(a.key, b.key));
  return { kind, key: `${kind}(${sorted.map(({ key }) => key).join()})`, children: sorted };
}

const FAILS = groupForm('or', []);
const HOLDS = groupForm('and', []);

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
    case 'via':
      return viaForm(form.at, complement(form.child));
    case 'and':
      return groupForm('or', form.children.map(complement));
    case 'or':
      return groupForm('and', form.children.map(complement));
    default:
      return unreachable(form);
  }
}

function formOf(predicate: Predicate): Form {
  return foldPredicate<Form>(predicate, {
    group: (kind, children) => (kind === 'and' ? conjunction(children) : disjunction(children)),
    not: complement,
    related: edgeForm,
    atom: formOfAtom,
  });
}

function formOfAtom(atom: Atom): Form {
  const form = atomForm(atom);
  switch (form.kind) {
    case 'values':
      return valuesForm(form.view, form.set);
    case 'fact':
      return factForm(form.atom, false);
    case 'constant':
      return constantForm(form.holds);
    default:
      return unreachable(form);
  }
}

// ——— Edges ———

function edgeForm({ edge, direction, measure, where, holds }: RelatedCondition): Form {
  const satisfying = measuredSet(formOf(holds));
  const child = formOf(where);
  if (measure.kind === 'truth') return truthForm({ edge, direction }, child, satisfying);
  const isOfNone = child.key === FAILS.key;
  if (isOfNone && measure.kind !== 'share')
    return constantForm(setHolds(satisfying, valueOverNothing(measure)));
  if (measure.kind === 'share' && (isOfNone || child.key === HOLDS.key)) {
    return wholeShareForm({ edge, direction }, isOfNone ? 0 : 1, satisfying);
  }
  const form = measureForm({ edge, direction, measure, where: lowered(child) }, satisfying);
  return isNothing(form.set) || isAnything(form.set) ? constantForm(isAnything(form.set)) : form;
}

function truthForm(at: EdgeSide, child: Form, satisfying: ValueSet): Form {
  const [ofTrue, ofFalse] = [setHolds(satisfying, true), setHolds(satisfying, false)];
  if (ofTrue === ofFalse) return constantForm(ofTrue);
  return viaForm(at, ofTrue ? child : complement(child));
}

function measureForm(of: MeasureView['of'], satisfying: ValueSet): ValuesForm {
  const attribute = measureKey(of, predicateKey(of.where));
  return countTrivialShare(valuesForm({ attribute, folded: false, of }, satisfying));
}

/** There is a share where there is any, whatever it is. */
function countTrivialShare(form: ValuesForm): ValuesForm {
  const { view, set } = form;
  if (!isShare(view) || isNothing(set) || isAnything(set)) return form;
  if (set.values.length > 0 && !(hasAllValues(set) && !set.missing)) return form;
  return neighbours(view.of, set.missing ? NONE : complementOf(NONE));
}

/** How many there are, whatever holds of them. */
function neighbours({ edge, direction }: EdgeSide, numbers: ValueSet): ValuesForm {
  return measureForm({ edge, direction, measure: { kind: 'count' }, where: ALWAYS }, numbers);
}

/** The share of what always or never holds is the same of any number, but none. */
function wholeShareForm(at: EdgeSide, share: 0 | 1, satisfying: ValueSet): Form {
  const [ofAny, ofNone] = [setHolds(satisfying, share), setHolds(satisfying, undefined)];
  if (ofAny === ofNone) return constantForm(ofAny);
  return neighbours(at, ofNone ? NONE : complementOf(NONE));
}

const NONE = setOfPoints([0]);

function valueOverNothing({ kind }: MeasureView['of']['measure']): Scalar | undefined {
  return kind === 'exists' ? false : overNothing(kind);
}

function constantForm(holds: boolean): Form {
  return holds ? HOLDS : FAILS;
}

/**
 * The values that satisfy the conditions on a measure: all of them are on one view, and so have
 * become one set.
 */
function measuredSet(form: Form): ValueSet {
  if (form.key === FAILS.key) return NOTHING;
  if (form.key === HOLDS.key) return complementOf(NOTHING);
  assert(
    form.kind === 'values' && form.view.attribute === MEASURE,
    'a measure is compared with values, and nothing else is',
  );
  return form.set;
}

const NOTHING: ValueSet = { values: [], missing: false };

function setHolds(set: ValueSet, value: Scalar | undefined): boolean {
  if (value === undefined) return set.missing;
  return !isNothing(intersectionOf([{ ...set, missing: false }, setOfPoints([value])]));
}

/** The one set among those that hold of the same values which the measure can have. */
function measurable({ of: { measure } }: MeasureView, set: ValueSet): ValueSet {
  if (measure.kind === 'exists') return alwaysThere(set);
  const { range } = measureRow(measure.kind);
  switch (range) {
    case 'whole':
      return alwaysThere({ values: wholeNumbers(set.values), missing: false });
    case 'any':
      return alwaysThere(set);
    case 'missing':
      return set;
    default:
      return unreachable(range);
  }
}

function alwaysThere(set: ValueSet): ValueSet {
  if (set.values.length === 0) return NOTHING;
  return hasAllValues(set) ? complementOf(NOTHING) : { values: set.values, missing: false };
}

/**
 * The whole numbers from 0 in the intervals, as closed intervals that leave no whole number between
 * two of them out.
 */
function wholeNumbers(values: readonly Interval[]): readonly Interval[] {
  const runs: { first: number; last: number }[] = [];
  for (const interval of values) {
    const run = { first: firstWhole(interval), last: lastWhole(interval) };
    if (run.first > run.last) continue;
    const before = runs.at(-1);
    if (before && before.last + 1 >= run.first) before.last = run.last;
    else runs.push(run);
  }
  return runs.map(({ first, last }) => {
    const open = last === Number.POSITIVE_INFINITY;
    const fromNone = first === 0 && last > 0;
    return {
      low: fromNone ? null : first,
      lowInclusive: !fromNone,
      high: open ? null : last,
      highInclusive: !open,
    };
  });
}

function firstWhole({ low, lowInclusive }: Interval): number {
  if (low === null || Number(low) < 0) return 0;
  return lowInclusive ? Math.ceil(Number(low)) : Math.floor(Number(low)) + 1;
}

function lastWhole({ high, highInclusive }: Interval): number {
  if (high === null) return Number.POSITIVE_INFINITY;
  return highInclusive ? Math.floor(Number(high)) : Math.ceil(Number(high)) - 1;
}

/** Whether it is the attribute itself that is looked at. */
function isPlain(view: View): boolean {
  return !view.folded && !isAged(view);
}

// ——— Groups ———

function disjunction(children: readonly Form[]): Form {
  return complement(conjunction(children.map(complement)));
}

function conjunction(children: readonly Form[]): Form {
  const flat = children.flatMap((child) => (child.kind === 'and' ? child.children : [child]));
  const parts = withOneViaEach(flat);
  const others = new Map<string, FactForm | ViaForm | GroupForm>();
  for (const part of parts) if (part.kind !== 'values') others.set(part.key, part);
  if (hasContradiction(others)) return FAILS;
  const sets = settlePresence(
    intersections(parts.filter((part) => part.kind === 'values')),
    presentBy(others.values()),
  );
  if (sets.some(({ set }) => isNothing(set))) return FAILS;
  const telling = [...sets.filter(({ set }) => !isAnything(set)), ...others.values()];
  const absent = new Set(telling.filter(isAbsence).map(({ view }) => view.attribute));
  return withoutDecided(
    telling.filter((part) => isAbsence(part) || !followsFromAbsence(part, absent)),
  );
}

/** Conditions on one neighbour in several parts become one. */
function withOneViaEach(parts: readonly Form[]): readonly Form[] {
  const byNeighbour = new Map<string, ViaForm[]>();
  for (const part of parts) {
    if (part.kind !== 'via') continue;
    const neighbour = `${part.at.edge} ${part.at.direction}`;
    pushTo(byNeighbour, neighbour, part);
  }
  const merged = [...byNeighbour.values()].map((same) =>
    same.length === 1
      ? same[0]!
      : viaForm(same[0]!.at, conjunction(same.map(({ child }) => child))),
  );
  return [...parts.filter((part) => part.kind !== 'via'), ...merged];
}

/** A part that never holds, or a fact whose complement stands beside it. */
function hasContradiction(parts: ReadonlyMap<string, Form>): boolean {
  if (parts.has(FAILS.key)) return true;
  for (const part of parts.values())
    if (part.kind === 'fact' && parts.has(complement(part).key)) return true;
  return false;
}

/**
 * Joins the parts after taking out what the others decide: `a and (a or b)` is `a`, `a and (not a
 * or b)` is `a and b`.
 */
function withoutDecided(parts: readonly Form[]): Form {
  const keys = new Set(parts.map(({ key }) => key));
  const undecided = parts.flatMap((part) =>
    part.kind === 'or' ? undecidedPart(part, keys) : [part],
  );
  const unchanged =
    undecided.length === parts.length && undecided.every((part, index) => part === parts[index]);
  if (!unchanged) return conjunction(undecided);
  return parts.length === 1 ? parts[0]! : groupForm('and', parts);
}

/**
 * What is left of a disjunction beside parts that hold: nothing, if one of its own is among them.
 */
function undecidedPart(part: GroupForm, holding: ReadonlySet<string>): Form[] {
  if (part.children.some(({ key }) => holding.has(key))) return [];
  const open = part.children.filter((child) => !holding.has(complement(child).key));
  return [open.length === part.children.length ? part : disjunction(open)];
}

/**
 * Intersects view by view. Folded views, ages and shares go first: one that reduces to "has a
 * value" (or "has any neighbour") moves to the plain attribute (or the count).
 */
function intersections(parts: readonly ValuesForm[]): ValuesForm[] {
  const isFirst = ({ view }: ValuesForm) => !isPlain(view) || isShare(view);
  const first = intersectByView(parts.filter(isFirst)).map(plainIfTrivial).map(countTrivialShare);
  return intersectByView([...parts.filter((part) => !isFirst(part)), ...first]);
}

function isShare(view: View): view is MeasureView {
  return 'of' in view && view.of.measure.kind === 'share';
}

function intersectByView(parts: readonly ValuesForm[]): ValuesForm[] {
  const byView = new Map<string, ValuesForm[]>();
  for (const part of parts) {
    pushTo(byView, keyOf(part.view), part);
  }
  return [...byView.values()].map((same) =>
    same.length === 1
      ? same[0]!
      : valuesForm(same[0]!.view, intersectionOf(same.map(({ set }) => set))),
  );
}

function plainIfTrivial(form: ValuesForm): ValuesForm {
  const { view, set } = form;
  if (isPlain(view) || (set.values.length > 0 && !hasAllValues(set))) return form;
  return valuesForm({ attribute: view.attribute, folded: false }, set);
}

// ——— Presence ———

/**
 * The attributes that have a value if these parts hold: each atom but a program is false of a
 * missing value.
 */
function presentBy(parts: Iterable<FactForm | ViaForm | GroupForm>): Set<string> {
  const there = new Set<string>();
  for (const part of parts) {
    if (part.kind !== 'fact' || part.negated) continue;
    for (const attribute of attributesPresentBy(part.atom)) there.add(attribute);
  }
  return there;
}

/**
 * Where an attribute is known to be there, its sets need not require it: each is given the shorter
 * of its forms.
 */
function settlePresence(sets: readonly ValuesForm[], present: ReadonlySet<string>): ValuesForm[] {
  const attributes = new Set(sets.map(({ view }) => view.attribute));
  return [...attributes].flatMap((attribute) => {
    const own = sets.filter(({ view }) => view.attribute === attribute);
    if (present.has(attribute)) return own.map(knownPresent);
    return own.some(({ set }) => !set.missing)
      ? presentOnce(attribute, own.map(knownPresent))
      : own;
  });
}

/**
 * The set, given that there is a value: whether it holds for a missing one is then open, and
 * follows from its values.
 */
function knownPresent({ view, set }: ValuesForm): ValuesForm {
  if (set.values.length === 0) return valuesForm(view, { values: [], missing: false });
  const missing = !isPointwise(set) && isPointwise(complementOf(set));
  return valuesForm(view, { values: set.values, missing });
}

/** Sets that together require a value: if none does any more, the plain view's does. */
function presentOnce(attribute: string, sets: readonly ValuesForm[]): ValuesForm[] {
  if (sets.some(({ set }) => !set.missing)) return [...sets];
  const plain = sets.find(({ view }) => isPlain(view));
  const others = sets.filter(({ view }) => !isPlain(view));
  const { values } = plain?.set ?? PRESENT;
  return [
    ...others,
    valuesForm(plain?.view ?? { attribute, folded: false }, { values, missing: false }),
  ];
}

/** Whether the form requires that an attribute has no value, and nothing else. */
function isAbsence(form: Form): form is ValuesForm {
  return form.kind === 'values' && form.set.missing && form.set.values.length === 0;
}

/**
 * Whether the part holds if these attributes have no values: nothing is contained in what is not
 * there.
 */
function followsFromAbsence(part: Form, absent: ReadonlySet<string>): boolean {
  if (part.kind === 'values') return part.set.missing && absent.has(part.view.attribute);
  if (part.kind !== 'fact' || !part.negated) return false;
  return attributesPresentBy(part.atom).some((attribute) => absent.has(attribute));
}

// ——— Back to predicates ———

function lowered(form: Form): Predicate {
  switch (form.kind) {
    case 'values':
      return 'of' in form.view
        ? loweredMeasure(form.view, form.set)
        : loweredSet(form.view, form.set);
    case 'fact':
      return form.negated ? not(form.atom) : form.atom;
    case 'via':
      return {
        kind: 'edge',
        ...form.at,
        measure: { kind: 'truth' },
        where: lowered(form.child),
        holds: isTrue,
      };
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
  const keyed = flat
    .map((part) => ({ part, key: predicateKey(part) }))
    .sort((a, b) => compareText(a.key, b.key));
  const children = keyed.map(({ part }) => part);
  return kind === 'and' ? and(children) : or(children);
}

/**
 * The fewest atoms that express the set: lists of values before ranges, and what is left out where
 * that is a list.
 */
function loweredSet(view: View, set: ValueSet): Predicate {
  if (isNothing(set)) return NEVER;
  if (isAnything(set)) return ALWAYS;
  const there = present(view);
  const rest = complementOf(set);
  if (hasAllValues(set)) return there;
  if (set.values.length === 0) return not(there);
  if (set.missing) {
    if (isPointwise(rest)) return not(oneOf(view, rest.values));
    if (isPointwise(set)) return group('or', [oneOf(view, set.values), not(there)]);
    return not(loweredSet(view, rest));
  }
  if (isPointwise(set)) return oneOf(view, set.values);
  if (isPointwise(rest)) return group('and', [not(oneOf(view, rest.values)), there]);
  return pointsAndSpans(view, set.values);
}

function loweredMeasure(view: MeasureView, set: ValueSet): Predicate {
  if (isNothing(set)) return NEVER;
  if (isAnything(set)) return ALWAYS;
  const { edge, direction, measure, where } = view.of;
  return { kind: 'edge', edge, direction, measure, where, holds: measureHolds(view, set) };
}

/** Presence is not spoken of beside values: a set with missing is the complement of one without. */
function measureHolds(view: MeasureView, set: ValueSet): Predicate {
  if (set.missing) return not(loweredValues(complementOf(set)));
  const rest = valuesForm(view, complementOf(set)).set;
  // a measure that is always there is all but a few values where that is shorter
  return set.values.length > 1 && !rest.missing && isPointwise(rest)
    ? not(loweredValues(rest))
    : loweredValues(set);
}

function loweredValues(set: ValueSet): Predicate {
  if (hasAllValues(set)) return present(MEASURED);
  return isPointwise(set) ? oneOf(MEASURED, set.values) : pointsAndSpans(MEASURED, set.values);
}

function pointsAndSpans(view: View, values: readonly Interval[]): Predicate {
  if (isAged(view))
    return { kind: 'age', attribute: view.attribute, clock: view.clock, intervals: values };
  const points = values.filter(isPoint);
  const spans = range(view, ...values.filter((interval) => !isPoint(interval)));
  return points.length === 0 ? spans : group('or', [oneOf(view, points), spans]);
}

function oneOf(view: View, points: readonly Interval[]): Predicate {
  assert(!isAged(view), 'an age has no single values');
  return equals(
    view,
    points.map(({ low }) => low as Scalar),
  );
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
