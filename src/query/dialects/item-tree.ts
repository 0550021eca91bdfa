/**
 * item-tree.ts – Reads an item tree: `{"type":"group","operator":"and","items":[…]}` with leaves of
 * `"type":"attribute"`.
 *
 * Keeps true: a leaf means what the rule of the same operator means (`==` is `=`), since both are
 * read by rule.ts.
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

const LEAF: RuleDialect = {
  field: 'slug',
  ignored: ['type', ...EDITOR_MEMBERS],
  aliases: new Map([['==', '=']]),
  group: unlessMuted(readGroup),
};

/** Reads an item tree, or notes what can't be read. */
export function readItemTree(group: Members, path: string, reading: Reading): Meaning | undefined {
  return LEAF.group(group, path, 1, reading);
}

function readGroup(
  group: Members,
  path: string,
  depth: number,
  reading: Reading,
): Meaning | undefined {
  if (!admitNode(reading, path, depth)) return undefined;
  refuseMembers(group, path, ['type', 'operator', 'items', 'not', ...EDITOR_MEMBERS], reading);
  if (group.type !== undefined && group.type !== 'group') {
    return fault(
      reading,
      pointer(path, 'type'),
      `the type of a group is "group", not ${quote(group.type)}`,
    );
  }
  const operator = readGroupOperator(group.operator, pointer(path, 'operator'), reading);
  const isNegated = readFlag(group.not, pointer(path, 'not'), reading);
  const { items } = group;
  if (!Array.isArray(items))
    return fault(reading, pointer(path, 'items'), 'the items of a group are a list');
  const parts = readItems(items, pointer(path, 'items'), depth, reading);
  if (!operator || !parts) return undefined;
  const whole = joined(parts.length > 0 ? operator : 'and', parts);
  return isNegated ? negated(whole) : whole;
}

function readGroupOperator(
  operator: unknown,
  path: string,
  reading: Reading,
): 'and' | 'or' | undefined {
  if (operator === 'and' || operator === 'or') return operator;
  const found = operator === undefined ? '' : `, not ${quote(operator)}`;
  return fault(reading, path, `the operator of a group is "and" or "or"${found}`);
}

/** The parts that are not muted, or undefined if one of them can't be read. */
function readItems(
  items: readonly unknown[],
  path: string,
  depth: number,
  reading: Reading,
): Meaning[] | undefined {
  const parts: Meaning[] = [];
  let complete = true;
  for (const [index, item] of items.entries()) {
    const at = pointer(path, index);
    if (isObject(item) && isMuted(item, at, reading) && admitNode(reading, at, depth)) continue;
    const part = readItem(item, at, depth, reading);
    if (part) parts.push(part);
    else complete = false;
  }
  return complete ? parts : undefined;
}

function readItem(
  item: unknown,
  path: string,
  depth: number,
  reading: Reading,
): Meaning | undefined {
  if (!isObject(item))
    return fault(reading, path, `${quote(item)} is neither a group nor an attribute item`);
  switch (item.type) {
    case 'group':
      return readGroup(item, path, depth + 1, reading);
    case 'attribute':
      return admitNode(reading, path, depth)
        ? readRule(item, path, LEAF, depth, reading)
        : undefined;
    default:
      return fault(
        reading,
        pointer(path, 'type'),
        `${quote(item.type)} is neither "group" nor "attribute"`,
      );
  }
}
