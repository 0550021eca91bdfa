/**
 * rule-group.ts – Reads a rule group, the format of react-querybuilder 8.
 *
 * Keeps true: a muted rule or group counts as not there. A group that is empty, or is left so,
 * holds for every record whatever its combinator. Anything that react-querybuilder would drop
 * silently (an unknown operator, a rule without a value) is refused. Combinators between the rules
 * mean what the same groups nested would mean, "and" binding before "or", and count as those.
 */
import { isObject } from '../../change/object-type.ts';
import { pointer } from '../../errors.ts';
import { joined, type Meaning, negated } from '../json-logic/json-logic.ts';
import {
  EDITOR_MEMBERS,
  isMuted,
  type RuleDialect,
  readFlag,
  readRule,
  refuseMembers,
  unlessMuted,
} from './rule.ts';
import { admitNode, fault, type Members, quote, type Reading } from './scope.ts';

const RULE: RuleDialect = {
  field: 'field',
  ignored: EDITOR_MEMBERS,
  aliases: new Map(),
  group: unlessMuted(readGroup),
};

/** Reads a rule group, or notes what can't be read. */
export function readRuleGroup(group: Members, path: string, reading: Reading): Meaning | undefined {
  return RULE.group(group, path, 1, reading);
}

function readGroup(
  group: Members,
  path: string,
  depth: number,
  reading: Reading,
): Meaning | undefined {
  if (!admitNode(reading, path, depth)) return undefined;
  refuseMembers(group, path, ['combinator', 'rules', 'not', ...EDITOR_MEMBERS], reading);
  const isNegated = readFlag(group.not, pointer(path, 'not'), reading);
  const { rules } = group;
  const whole = Array.isArray(rules)
    ? readJoined(group.combinator, rules, path, depth, reading)
    : fault(reading, pointer(path, 'rules'), 'the rules of a group are a list');
  return whole && isNegated ? negated(whole) : whole;
}

function readJoined(
  given: unknown,
  rules: readonly unknown[],
  path: string,
  depth: number,
  reading: Reading,
): Meaning | undefined {
  const at = pointer(path, 'rules');
  const isBetween = rules.length < 2 || rules.some((rule) => typeof rule === 'string');
  if (given === undefined && isBetween) return readIndependent(rules, at, depth, reading);
  const combinator = readCombinator(given, path, reading);
  const parts = readParts([...rules.entries()], at, depth, reading);
  return combinator && parts && joined(parts.length > 0 ? combinator : 'and', parts);
}

function readCombinator(
  combinator: unknown,
  path: string,
  reading: Reading,
): 'and' | 'or' | undefined {
  if (combinator === 'and' || combinator === 'or') return combinator;
  const found = combinator === undefined ? '' : `, not ${quote(combinator)}`;
  return fault(
    reading,
    pointer(path, 'combinator'),
    `the combinator of a group is "and" or "or"${found}`,
  );
}

// ——— Combinators between the rules ———

/** A rule where it stands in its group. */
type Placed = readonly [index: number, rule: unknown];

/**
 * `[rule, "and", rule, "or", rule]`: what "and" joins is a group of its own, if there is an "or"
 * beside it.
 */
function readIndependent(
  rules: readonly unknown[],
  path: string,
  depth: number,
  reading: Reading,
): Meaning | undefined {
  const chains = chainsOf(rules, path, reading);
  const meanings = chains?.map((chain) => {
    const isGroup = chains.length > 1 && chain.length > 1;
    const level = isGroup ? depth + 1 : depth;
    if (isGroup && !admitNode(reading, pointer(path, chain[0]![0]), level)) return undefined;
    const parts = readParts(chain, path, level, reading);
    return parts && { parts, isGroup };
  });
  if (!meanings?.every((each) => each !== undefined)) return undefined;
  // Where all is muted there is nothing to join: it counts as not there, like a muted rule.
  const left = meanings.filter(({ parts }) => parts.length > 0);
  const [only] = left;
  if (!only || left.length === 1) return joined('and', only?.parts ?? []);
  return joined(
    'or',
    left.flatMap(({ parts, isGroup }) => (isGroup ? [joined('and', parts)] : parts)),
  );
}

/**
 * The rules between one "or" and the next, or undefined with a fault for each that stands in the
 * wrong place.
 */
function chainsOf(
  rules: readonly unknown[],
  path: string,
  reading: Reading,
): Placed[][] | undefined {
  const chains: Placed[][] = [[]];
  const before = reading.faults.length;
  for (const [index, rule] of rules.entries()) {
    const isCombinator = rule === 'and' || rule === 'or';
    if (index % 2 === 0) chains.at(-1)!.push([index, rule]);
    else if (!isCombinator) {
      fault(
        reading,
        pointer(path, index),
        `between two rules stands "and" or "or", not ${quote(rule)}`,
      );
    } else if (index === rules.length - 1) {
      fault(reading, pointer(path, index), `after ${quote(rule)} there is no rule`);
    } else if (rule === 'or') chains.push([]);
  }
  return reading.faults.length > before ? undefined : chains;
}

// ——— Rules ———

/** The parts that are not muted, or undefined if one of them can't be read. */
function readParts(
  rules: readonly Placed[],
  path: string,
  depth: number,
  reading: Reading,
): Meaning[] | undefined {
  const parts: Meaning[] = [];
  let complete = true;
  for (const [index, rule] of rules) {
    const at = pointer(path, index);
    if (isObject(rule) && isMuted(rule, at, reading) && admitNode(reading, at, depth)) continue;
    const part = readPart(rule, at, depth, reading);
    if (part) parts.push(part);
    else complete = false;
  }
  return complete ? parts : undefined;
}

function readPart(
  rule: unknown,
  path: string,
  depth: number,
  reading: Reading,
): Meaning | undefined {
  if (typeof rule === 'string') {
    const detail =
      `${quote(rule)} stands where a rule should: ` +
      'a group has one combinator, or one between each two rules';
    return fault(reading, path, detail);
  }
  if (!isObject(rule)) return fault(reading, path, `${quote(rule)} is neither a rule nor a group`);
  if ('rules' in rule) return readGroup(rule, path, depth + 1, reading);
  return admitNode(reading, path, depth) ? readRule(rule, path, RULE, depth, reading) : undefined;
}
