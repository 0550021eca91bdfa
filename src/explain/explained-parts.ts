/**
 * explained-parts.ts – The tree of an explanation: each part of the filter with its words, its
 * truth, and what was seen.
 *
 * Keeps true: a condition's truth is the one that was judged; what is shown beside it (values,
 * related records, numbers) only illustrates. Numbers of related records are those that the
 * partition keeps, if it keeps them.
 */
import type { ObjectType } from '../change/object-type.ts';
import { readOperand } from '../change/value.ts';
import type { FilterPart, FilterRule } from '../query/dialects/filter-tree.ts';
import { MEASURE_TYPE } from '../query/predicate/measures.ts';
import { normalize } from '../query/predicate/normalize.ts';
import { ALWAYS, not, type Predicate } from '../query/predicate/predicate.ts';
import { edgeOver, type Hop } from '../query/predicate/relationships.ts';
import { predicateAttributes } from '../query/predicate/statement.ts';
import { partInWords, rowOf } from '../query/words/conditions.ts';
import { endsAt, type WindowEnds } from '../query/words/moments.ts';
import type { Vocabulary } from '../query/words/names.ts';
import { type CompiledFilter, type CompiledPart, truthOfParts } from './compiled-filter.ts';
import type { Matched } from './engine-facts.ts';
import type { ExplainedPart } from './explanation.ts';
import type { NextFlip } from './flip-search.ts';
import { type JudgedRecord, keptMeasure } from './judgement.ts';
import { keyOf, OutOfRoom, type Place, Unknown } from './nearby-records.ts';
import { seenInWords } from './seen-words.ts';
import { named, relatedShown, seenOf, shownValue } from './shown.ts';

export interface PartsContext {
  readonly judged: JudgedRecord;
  readonly type: ObjectType;
  readonly vocabulary: Vocabulary;
  /** The moment that is explained. */
  readonly atMs: number;
  readonly truthOf: (part: FilterPart) => boolean;
  /** Of a condition that time moves: when it changes. */
  readonly flipsOf: (part: FilterPart) => NextFlip | undefined;
}

/** The whole tree. */
export function explainedParts(filter: CompiledFilter, context: PartsContext): ExplainedPart {
  const conditions = new Map(filter.conditions.map((each) => [each.part, each]));
  const explained = (part: FilterPart): ExplainedPart => {
    const condition = conditions.get(part);
    if (condition) return explainedCondition(condition, context);
    const parts = 'parts' in part ? part.parts.map(explained) : [];
    const { type, vocabulary, truthOf } = context;
    return {
      path: part.path,
      kind: part.kind,
      words: partInWords(part, type, vocabulary),
      passed: truthOfParts(part, truthOf),
      ...(part.kind === 'group' ? { combinator: part.combinator, not: part.not } : {}),
      parts,
    };
  };
  return explained(filter.tree);
}

function explainedCondition(condition: CompiledPart, context: PartsContext): ExplainedPart {
  const { part, predicate } = condition;
  const { type, vocabulary, truthOf, flipsOf } = context;
  const flips = flipsOf(part);
  const base = {
    path: part.path,
    kind: part.kind,
    words: partInWords(part, type, vocabulary),
    passed: truthOf(part),
    ...(flips ? { flips } : {}),
  };
  if (part.kind === 'group') return base;
  if (part.kind === 'json_logic') return { ...base, seen: seenOfLogic(predicate, context) };
  const shown = shownOf(condition, part, base.passed, context);
  const seenWords = seenInWords({ condition, passed: base.passed, ...shown }, context);
  return { ...base, ...shown, ...(seenWords === '' ? {} : { seenWords }) };
}

function seenOfLogic(predicate: Predicate, { judged: { place } }: PartsContext): unknown {
  return place ? seenOf(place, predicateAttributes(predicate)) : null;
}

// ——— What is shown of a rule ———

export type ShownOfRule = Pick<
  ExplainedPart,
  'seen' | 'expected' | 'ends' | 'matching' | 'of' | 'value' | 'related'
>;

function shownOf(
  condition: CompiledPart,
  part: FilterRule,
  passed: boolean,
  context: PartsContext,
): ShownOfRule {
  if (part.kind === 'segment' && condition.subject?.hops.length === 0)
    return { seen: passed !== (part.rule.operator === 'notInSegment'), expected: part.rule.value };
  return condition.many
    ? shownOfMany(condition, part, passed, context)
    : shownOfOne(condition, part, passed, context);
}

function shownOfOne(
  { subject }: CompiledPart,
  part: FilterRule,
  passed: boolean,
  context: PartsContext,
): ShownOfRule {
  const { hops = [], own } = subject ?? {};
  const place = placeAt(hops, context.judged.place);
  const related =
    hops.length > 0 && place
      ? [{ ...named(place), passed, seen: seenOf(place, own ? [own] : []) }]
      : [];
  if (own === undefined) return { seen: place !== undefined, expected: null, related };
  return {
    seen: shownValue(place?.standpoint.data[own]),
    ...expectedOf(part, subject?.attribute?.type, place, context),
    ...(hops.length > 0 ? { related } : {}),
  };
}

function shownOfMany(
  { many, subject, predicate }: CompiledPart,
  part: FilterRule,
  passed: boolean,
  context: PartsContext,
): ShownOfRule {
  const { before, hop, where } = many!;
  const { judged, atMs } = context;
  const from = placeAt(before, judged.place);
  const around = from?.around.get(keyOf(hop));
  const places = around?.places ?? [];
  const measured = part.kind === 'aggregate' ? subject?.own : undefined;
  const { match, aggregate } = part.rule as { match?: { mode?: unknown }; aggregate?: unknown };
  const decideIfNot = match?.mode === 'all' && !passed;
  const asked = { where, measured, decideIfNot, isLowest: aggregate === 'min' };
  const related = relatedShown(places, asked, judged.nearby, atMs);
  const matched = matchedOf(before.length === 0, hop, where, from, context);
  const shown = { matching: matched?.matching ?? null, of: matched?.of ?? null, related };
  if (part.kind === 'match')
    return { ...shown, expected: part.rule.match, value: matchValue(part, matched) };
  const expected = expectedOf(
    part,
    part.kind === 'aggregate' ? MEASURE_TYPE : subject?.attribute?.type,
    undefined,
    context,
  );
  if (part.kind === 'aggregate')
    return { ...shown, ...expected, value: measureOf(predicate, context) };
  const seen = related.flatMap(({ seen: values }) =>
    subject?.own !== undefined && subject.own in values ? [values[subject.own]] : [],
  );
  return { ...shown, seen, ...expected };
}

/** The record at the end of some steps to one; undefined if there is none. */
function placeAt(hops: readonly Hop[], from: Place | undefined): Place | undefined {
  let place = from;
  for (const hop of hops) place = place?.around.get(keyOf(hop))?.places[0];
  return place;
}

/** By the rows of the partition for the record itself, else by the neighbours that are held. */
function matchedOf(
  isOwn: boolean,
  hop: Hop,
  where: Predicate,
  from: Place | undefined,
  { judged, atMs }: PartsContext,
): Matched | undefined {
  const kept = isOwn && atMs === judged.asOfMs ? keptMatch(hop, where, judged) : undefined;
  if (kept) return kept;
  if (!from) return { matching: 0, of: 0 };
  const around = from.around.get(keyOf(hop));
  if (!around?.isWhole) return undefined;
  try {
    const { nearby } = judged;
    const matching = around.places.filter((each) => nearby.truth(where, each, atMs)).length;
    return { matching, of: around.places.length };
  } catch (error) {
    if (error instanceof Unknown || error instanceof OutOfRoom) return undefined;
    throw error;
  }
}

function keptMatch(hop: Hop, where: Predicate, { rows }: JudgedRecord): Matched | undefined {
  if (!rows) return undefined;
  const counted = (of: Predicate) =>
    rows.facts.matched(edgeOver(hop, { kind: 'count' }, normalize(of), ALWAYS), rows.at);
  const those = counted(where);
  if (those) return those;
  const others = counted(not(where));
  return others && { matching: others.of - others.matching, of: others.of };
}

/** What is compared with the threshold: a number of related records, or their share. */
function matchValue({ rule: { match } }: FilterRule, matched: Matched | undefined): number | null {
  if (!matched) return null;
  const { threshold } = match as { threshold?: unknown };
  const isShare = Number(threshold) > 0 && Number(threshold) < 1;
  if (!isShare) return matched.matching;
  return matched.of === 0 ? null : matched.matching / matched.of;
}

/** What an aggregate is: of a condition that is one edge, over the record's own neighbours. */
function measureOf(predicate: Predicate, { judged, atMs }: PartsContext): unknown {
  const edge = predicate.kind === 'not' ? predicate.child : predicate;
  if (edge.kind !== 'edge' || edge.measure.kind === 'truth') return null;
  const kept = keptMeasure(judged, edge, atMs);
  if (kept) return kept.value ?? null;
  try {
    return judged.nearby.measure(edge, judged.place, atMs) ?? null;
  } catch (error) {
    if (error instanceof Unknown || error instanceof OutOfRoom) return null;
    throw error;
  }
}

/** What a rule compares with: a value as it is kept, an attribute's, or the ends of a window. */
function expectedOf(
  { rule }: FilterRule,
  type: Parameters<typeof rowOf>[1],
  place: Place | undefined,
  { vocabulary: { timeZone }, atMs }: PartsContext,
): { readonly expected: unknown; readonly ends?: WindowEnds } {
  const row = rowOf(rule.operator, type);
  if (row?.kind !== 'attribute' || row.takes === 'nothing') return { expected: null };
  const { value, valueSource } = rule;
  if (valueSource === 'field')
    return { expected: shownValue(place?.standpoint.data[String(value)]) };
  const positive = row.complementOf ?? row;
  const ends = endsAt(positive.name, row.takes, value, atMs, timeZone);
  if (ends) return { expected: value, ends };
  const read = (each: unknown) =>
    type === undefined || type === 'list' || type === 'object'
      ? each
      : (readOperand(type, each, timeZone) ?? each);
  return { expected: shownValue(Array.isArray(value) ? value.map(read) : read(value)) };
}
