/**
 * seen-words.ts – What was seen of a condition, as a sentence: "Northwind Kitchens has
 * Hospitality", "3 of 41 orders do".
 */
import type { FilterRule } from '../query/dialects/filter-tree.ts';
import { rowOf } from '../query/words/conditions.ts';
import { endsInWords } from '../query/words/moments.ts';
import { attributeInWords, capitalized, nameInWords, shortened } from '../query/words/names.ts';
import { distanceInWords, numberInWords, valueInWords } from '../query/words/values.ts';
import type { CompiledPart } from './compiled-filter.ts';
import type { PartsContext, ShownOfRule } from './explained-parts.ts';

const WORDS_MAX = 300;

interface SeenOfRule extends ShownOfRule {
  readonly condition: CompiledPart;
  readonly passed: boolean;
}

export function seenInWords(seen: SeenOfRule, context: PartsContext): string {
  const { part } = seen.condition;
  if (part.kind === 'group' || part.kind === 'json_logic') return '';
  return shortened(capitalized(sentence(part, seen, context)), WORDS_MAX);
}

function sentence(part: FilterRule, seen: SeenOfRule, context: PartsContext): string {
  if (!context.judged.place) return 'there is no such record';
  if (part.kind === 'segment') {
    if (!seen.condition.many) return seen.seen === true ? 'a member' : 'not a member';
    return howMany(seen);
  }
  if (part.kind === 'aggregate') {
    const value = typeof seen.value === 'number' ? numberInWords(seen.value) : 'no value';
    const many = howMany(seen);
    return many === '' ? `it is ${value}` : `it is ${value}, over ${many.replace(/ do(es)?$/, '')}`;
  }
  return seen.condition.many ? howMany(seen) : valueSentence(part, seen, context);
}

/** "3 of 41 orders do" */
function howMany({ condition: { many }, matching, of }: SeenOfRule): string {
  if (typeof matching !== 'number' || typeof of !== 'number') return '';
  const noun = nameInWords(many!.hop.name);
  if (of === 0) return `it has no ${noun}`;
  const verb = matching === 1 ? 'does' : 'do';
  return `${numberInWords(matching)} of ${numberInWords(of)} ${noun} ${verb}`;
}

function valueSentence(part: FilterRule, seen: SeenOfRule, context: PartsContext): string {
  const { condition, related } = seen;
  const { hops = [], own, attribute, type } = condition.subject ?? {};
  const { timeZone } = context.vocabulary;
  const owner = related?.[0]?.title;
  if (own === undefined) {
    const noun = nameInWords(hops.at(-1)?.name ?? 'record');
    return owner === undefined ? `it has no ${noun}` : `it has ${owner}`;
  }
  if (hops.length > 0 && owner === undefined)
    return `it has no ${hops.map(({ name }) => nameInWords(name)).join(' with ')}`;
  const value = valueInWords(seen.seen, attribute?.type ?? 'string', timeZone);
  const said = owner === undefined ? value : `${owner} has ${value}`;
  const isTime = attribute?.type === 'datetime' && typeof seen.seen === 'string';
  const far = isTime ? `, ${distanceInWords(Date.parse(String(seen.seen)), context.atMs)}` : '';
  const row = rowOf(part.rule.operator, attribute?.type);
  if (part.rule.valueSource === 'field' && row?.kind === 'attribute') {
    const other = String(part.rule.value);
    const otherAttribute = type?.attributes.get(other);
    const otherValue = valueInWords(seen.expected, otherAttribute?.type ?? 'string', timeZone);
    return `${said}, and ${attributeInWords(other, otherAttribute)} is ${otherValue}`;
  }
  const ends = seen.ends ? `; asked for is ${endsInWords(seen.ends, timeZone)}` : '';
  return `${said}${far}${ends}`;
}
