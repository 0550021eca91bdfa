/**
 * rule-group.ts – Reads a rule group, the format of react-querybuilder 8.
 *
 * Keeps true: a muted rule or group counts as not there; a group that is empty, or is left so, holds for every record whatever
 * its combinator; anything that react-querybuilder would drop silently (an unknown operator, a rule without a value) is refused.
 */
import { isObject } from '../change/object-type.ts';
import { pointer } from '../errors.ts';
import { joined, type Meaning, negated } from './json-logic.ts';
import { EDITOR_MEMBERS, isMuted, type RuleDialect, readFlag, readRule, refuseMembers } from './rule.ts';
import { admitNode, fault, quote, type Reading } from './scope.ts';

const RULE: RuleDialect = { field: 'field', ignored: EDITOR_MEMBERS, aliases: new Map(), group: readInnerGroup };

type Members = Readonly<Record<string, unknown>>;

/** Reads a rule group, or notes what can't be read. */
export function readRuleGroup(group: Members, path: string, reading: Reading): Meaning | undefined {
  return readInnerGroup(group, path, 1, reading);
}

/** The group of a rule about related records. */
function readInnerGroup(group: Members, path: string, depth: number, reading: Reading): Meaning | undefined {
  return isMuted(group, path, reading) ? joined('and', []) : readGroup(group, path, depth, reading);
}

function readGroup(group: Members, path: string, depth: number, reading: Reading): Meaning | undefined {
  if (!admitNode(reading, path, depth)) return undefined;
  refuseMembers(group, path, ['combinator', 'rules', 'not', ...EDITOR_MEMBERS], reading);
  const combinator = readCombinator(group, path, reading);
  const isNegated = readFlag(group.not, pointer(path, 'not'), reading);
  const { rules } = group;
  if (!Array.isArray(rules)) return fault(reading, pointer(path, 'rules'), 'the rules of a group are a list');
  const parts = readParts(rules, pointer(path, 'rules'), depth, reading);
  if (!combinator || !parts) return undefined;
  const whole = joined(parts.length > 0 ? combinator : 'and', parts);
  return isNegated ? negated(whole) : whole;
}

function readCombinator({ combinator, rules }: Members, path: string, reading: Reading): 'and' | 'or' | undefined {
  if (combinator === 'and' || combinator === 'or') return combinator;
  // Combinators between the rules instead: each of them is refused where it stands.
  if (combinator === undefined && Array.isArray(rules) && rules.some((rule) => typeof rule === 'string')) return 'and';
  const found = combinator === undefined ? '' : `, not ${quote(combinator)}`;
  return fault(reading, pointer(path, 'combinator'), `the combinator of a group is "and" or "or"${found}`);
}

/** The parts that are not muted, or undefined if one of them can't be read. */
function readParts(rules: readonly unknown[], path: string, depth: number, reading: Reading): Meaning[] | undefined {
  const parts: Meaning[] = [];
  let complete = true;
  for (const [index, rule] of rules.entries()) {
    const at = pointer(path, index);
    if (isObject(rule) && isMuted(rule, at, reading) && admitNode(reading, at, depth)) continue;
    const part = readPart(rule, at, depth, reading);
    if (part) parts.push(part);
    else complete = false;
  }
  return complete ? parts : undefined;
}

function readPart(rule: unknown, path: string, depth: number, reading: Reading): Meaning | undefined {
  if (typeof rule === 'string') {
    const detail = `${quote(rule)} stands between rules: give the group one combinator, and nest a group for the other`;
    return fault(reading, path, detail);
  }
  if (!isObject(rule)) return fault(reading, path, `${quote(rule)} is neither a rule nor a group`);
  if ('rules' in rule) return readGroup(rule, path, depth + 1, reading);
  return admitNode(reading, path, depth) ? readRule(rule, path, RULE, depth, reading) : undefined;
}
