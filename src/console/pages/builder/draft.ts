/**
 * draft.ts – A filter while it is edited: a rule group whose nodes can be told apart, and what can
 * be done with them.
 *
 * Keeps true: nothing is changed in place, and what an edit does not touch stays the same object,
 * so that it is not drawn again. Each node has a key that it keeps wherever it is moved. It stands
 * under a symbol: JSON does not see it, so the query is sent exactly as it was written.
 *
 * react-querybuilder's own operations follow `rules` alone. The groups of `match` and of aggregates
 * lie in `value` and `where`, and a path here leads into them too. A test compares the rest.
 */
import { isObject } from '../../../change/object-type.ts';
import { pointer } from '../../../errors.ts';

/** Where a node keeps the key that tells it apart. */
export const KEY = Symbol('key');

interface DraftPart {
  readonly [KEY]: string;
  readonly muted?: boolean;
}

export interface DraftGroup extends DraftPart {
  readonly combinator: 'and' | 'or';
  readonly not?: boolean;
  readonly rules: readonly DraftNode[];
}

export interface DraftRule extends DraftPart {
  readonly field: string;
  readonly operator: string;
  readonly value?: unknown;
  readonly valueSource?: 'value' | 'field';
  readonly caseInsensitive?: boolean;
  readonly match?: { readonly mode: string; readonly threshold?: unknown };
  readonly aggregate?: string;
  readonly where?: DraftGroup;
}

export type DraftNode = DraftGroup | DraftRule;

/** The steps from the root to a node; none is the root. */
export type NodePath = readonly (string | number)[];

let keysMade = 0;
function newKey(): string {
  keysMade += 1;
  return `n${keysMade}`;
}

export function isGroup(node: DraftNode): node is DraftGroup {
  return 'rules' in node;
}

/** The group that a rule asks of related records, and the member that it lies in. */
export function groupWithin(node: DraftNode): readonly ['value' | 'where', DraftGroup] | undefined {
  if (isGroup(node)) return undefined;
  if (node.match !== undefined) return ['value', node.value as DraftGroup];
  return node.where ? ['where', node.where] : undefined;
}

export function newGroup(rules: readonly DraftNode[] = []): DraftGroup {
  return { [KEY]: newKey(), combinator: 'and', rules };
}

/** A condition that says nothing yet. */
export function newRule(): DraftRule {
  return { [KEY]: newKey(), field: '', operator: '=', value: '' };
}

// ——— From and to the query that is stored ———

/** The draft of a query; undefined if it is no rule group: JsonLogic is edited as text. */
export function draftOf(query: unknown): DraftGroup | undefined {
  return isObject(query) && Array.isArray(query.rules) ? groupOf(query) : undefined;
}

function groupOf(given: Readonly<Record<string, unknown>>): DraftGroup | undefined {
  const { combinator, rules, ...rest } = given;
  const listed = rules as readonly unknown[];
  if (listed.some((each) => typeof each === 'string')) return chainsOf(listed, rest);
  const nodes = listed.map((each) => (isObject(each) ? nodeOf(each) : undefined));
  if (nodes.some((each) => each === undefined)) return undefined;
  const joint = combinator === 'or' ? 'or' : 'and';
  return { ...rest, [KEY]: newKey(), combinator: joint, rules: nodes as DraftNode[] };
}

/** `[a, "and", b, "or", c]` is the same as (a and b) or c: the server says so. */
function chainsOf(
  listed: readonly unknown[],
  rest: Readonly<Record<string, unknown>>,
): DraftGroup | undefined {
  const chains: unknown[][] = [[]];
  for (const each of listed) {
    if (each === 'or') chains.push([]);
    else if (each !== 'and') chains.at(-1)!.push(each);
  }
  if (chains.length === 1) return groupOf({ ...rest, combinator: 'and', rules: chains[0] });
  const parts = chains.map((chain) =>
    chain.length === 1 ? chain[0] : { combinator: 'and', rules: chain },
  );
  return groupOf({ ...rest, combinator: 'or', rules: parts });
}

function nodeOf(given: Readonly<Record<string, unknown>>): DraftNode | undefined {
  if (Array.isArray(given['rules'])) return groupOf(given);
  const rule = { field: '', operator: '=', ...given, [KEY]: newKey() } as DraftRule;
  if (typeof rule.field !== 'string' || typeof rule.operator !== 'string') return undefined;
  if (rule.match !== undefined) {
    const value = isObject(rule.match) ? draftOf(rule.value) : undefined;
    return value && { ...rule, value };
  }
  if (rule.where === undefined) return rule;
  const where = draftOf(rule.where);
  return where && { ...rule, where };
}

/** As it is sent: without keys. */
export function queryOf(draft: DraftNode): unknown {
  return JSON.parse(JSON.stringify(draft));
}

/** The keys of all nodes, each before those within it. */
export function keysOf(node: DraftNode): string[] {
  const inner = groupWithin(node)?.[1];
  const parts = isGroup(node) ? node.rules : inner ? [inner] : [];
  return [node[KEY], ...parts.flatMap(keysOf)];
}

/** The same draft with keys that it had before; those of another filter are not taken. */
export function withKeys(draft: DraftGroup, keys: readonly string[]): DraftGroup {
  if (keys.length !== keysOf(draft).length) return draft;
  const left = [...keys];
  const again = (node: DraftNode): DraftNode => {
    const key = left.shift()!;
    if (isGroup(node)) return { ...node, [KEY]: key, rules: node.rules.map(again) };
    const inner = groupWithin(node);
    return { ...node, ...(inner ? { [inner[0]]: again(inner[1]) } : {}), [KEY]: key };
  };
  // New keys must not meet those that come back.
  for (const key of keys) keysMade = Math.max(keysMade, Number(key.slice(1)) || 0);
  return again(draft) as DraftGroup;
}

// ——— Paths ———

/** "/rules/0/value/rules/2" */
export function pointerOf(path: NodePath): string {
  return path.reduce<string>(pointer, '');
}

export function pathOf(text: string): NodePath {
  const steps = text.split('/').slice(1);
  return steps.map((step) => (/^\d+$/.test(step) ? Number(step) : step));
}

/** What lies at a path; undefined if nothing does. */
export function nodeAt(root: DraftGroup, path: NodePath): DraftNode | undefined {
  let node: unknown = root;
  for (const step of path) node = (node as Record<string | number, unknown> | undefined)?.[step];
  return node as DraftNode | undefined;
}

/** The path of the group that a node stands in, and its place there. */
function placeOf(path: NodePath): readonly [group: NodePath, at: number] {
  return [path.slice(0, -2), path.at(-1) as number];
}

/** Whether a node stands in a list of rules, so that it can be moved or removed. */
export function isPlaced(path: NodePath): boolean {
  return typeof path.at(-1) === 'number';
}

// ——— Edits ———

/** The draft with something else at a path. */
export function changed(
  root: DraftGroup,
  path: NodePath,
  change: (node: DraftNode) => DraftNode,
): DraftGroup {
  const along = (node: unknown, at: number): unknown => {
    if (at === path.length) return change(node as DraftNode);
    const step = path[at]!;
    if (Array.isArray(node)) {
      return node.map((each, index) => (index === step ? along(each, at + 1) : each));
    }
    const members = node as Record<string, unknown>;
    return { ...members, [step]: along(members[step], at + 1) };
  };
  return along(root, 0) as DraftGroup;
}

function withRules(
  root: DraftGroup,
  group: NodePath,
  change: (rules: readonly DraftNode[]) => readonly DraftNode[],
): DraftGroup {
  return changed(root, group, (node) => ({
    ...(node as DraftGroup),
    rules: change((node as DraftGroup).rules),
  }));
}

/** Puts a node into a group, before the one at that place; at the end, if there is none. */
export function inserted(
  root: DraftGroup,
  group: NodePath,
  at: number,
  node: DraftNode,
): DraftGroup {
  return withRules(root, group, (rules) => rules.toSpliced(at, 0, node));
}

export function removed(root: DraftGroup, path: NodePath): DraftGroup {
  if (!isPlaced(path)) return root;
  const [group, at] = placeOf(path);
  return withRules(root, group, (rules) => rules.toSpliced(at, 1));
}

/** Which node has the focus once one is removed: the next, else the one before, else the group. */
export function keyAfterRemoval(root: DraftGroup, path: NodePath): string {
  const [group, at] = placeOf(path);
  const { rules, [KEY]: key } = nodeAt(root, group) as DraftGroup;
  return (rules[at + 1] ?? rules[at - 1])?.[KEY] ?? key;
}

/** A copy with keys of its own. */
export function copied<N extends DraftNode>(node: N): N {
  return nodeOf(queryOf(node) as Readonly<Record<string, unknown>>) as N;
}

/** Puts a copy behind a node. */
export function duplicated(root: DraftGroup, path: NodePath, copy: DraftNode): DraftGroup {
  const [group, at] = placeOf(path);
  return inserted(root, group, at + 1, copy);
}

/** Puts a group around a node. */
export function grouped(root: DraftGroup, path: NodePath, around: DraftGroup): DraftGroup {
  return isPlaced(path) ? changed(root, path, (node) => ({ ...around, rules: [node] })) : root;
}

/** Switches a node off, or on again. */
export function muted(root: DraftGroup, path: NodePath): DraftGroup {
  if (!isPlaced(path)) return root;
  return changed(root, path, ({ muted: isMuted, ...node }) =>
    isMuted === true ? (node as DraftNode) : ({ ...node, muted: true } as DraftNode),
  );
}

/**
 * Moves a node by one place as it is seen: past a condition, into the group beside it, out of the
 * group that it is at an end of. What a rule asks of related records is about others: nothing is
 * moved in or out of that.
 */
export function moved(root: DraftGroup, path: NodePath, way: 'up' | 'down'): DraftGroup {
  const node = isPlaced(path) ? nodeAt(root, path) : undefined;
  if (!node) return root;
  const [group, at] = placeOf(path);
  const by = way === 'up' ? -1 : 1;
  const beside = nodeAt(root, [...group, 'rules', at + by]);
  if (beside && !isGroup(beside))
    return withRules(root, group, (rules) => rules.toSpliced(at, 1).toSpliced(at + by, 0, node));
  if (beside) {
    const end = way === 'up' ? (beside as DraftGroup).rules.length : 0;
    const put = inserted(root, [...group, 'rules', at + by], end, node);
    return removed(put, path);
  }
  if (!isPlaced(group)) return root;
  const [outer, place] = placeOf(group);
  return inserted(removed(root, path), outer, way === 'up' ? place : place + 1, node);
}

// ——— All, any, none ———

export const JOINTS = ['all', 'any', 'none', 'not all'] as const;
export type Joint = (typeof JOINTS)[number];

export function jointOf({ combinator, not }: DraftGroup): Joint {
  if (combinator === 'or') return not === true ? 'none' : 'any';
  return not === true ? 'not all' : 'all';
}

export function withJoint({ not: _, ...group }: DraftGroup, joint: Joint): DraftGroup {
  const combinator = joint === 'any' || joint === 'none' ? 'or' : 'and';
  const isNegated = joint === 'none' || joint === 'not all';
  return { ...group, combinator, ...(isNegated ? { not: true } : {}) };
}
