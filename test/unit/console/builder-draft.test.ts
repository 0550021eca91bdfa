/**
 * builder-draft.test.ts – Edits of a filter: what react-querybuilder's own operations do they do
 * too, and they lead into the groups of `match` and aggregates.
 */
import { add, move, type RuleGroupType, type RuleType, remove } from '@react-querybuilder/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chainsOf } from '../../../src/console/pages/builder/and-then.ts';
import {
  changed,
  copied,
  type DraftGroup,
  type DraftRule,
  draftOf,
  duplicated,
  grouped,
  inserted,
  isGroup,
  JOINTS,
  jointOf,
  KEY,
  keyAfterRemoval,
  keysOf,
  moved,
  muted,
  type NodePath,
  newGroup,
  nodeAt,
  pathOf,
  pointerOf,
  queryOf,
  removed,
  withJoint,
  withKeys,
} from '../../../src/console/pages/builder/draft.ts';
import { startHistory, stepped } from '../../../src/console/pages/builder/edit-history.ts';

const rule = (field: string, rest = {}) => ({ field, operator: '=', value: 1, ...rest });
const all = (...rules: unknown[]) => ({ combinator: 'and', rules });
const any = (...rules: unknown[]) => ({ combinator: 'or', rules });

const draft = (query: unknown): DraftGroup => draftOf(query)!;

const RELATED = all(
  rule('a'),
  { ...rule('orders'), match: { mode: 'some' }, value: all(rule('total'), rule('paid')) },
  { ...rule('orders.total'), aggregate: 'sum', where: any(rule('paid')) },
);

const trees = fc.letrec<{ group: RuleGroupType; rule: RuleType }>((tie) => ({
  rule: fc.constantFrom('a', 'b', 'c').map((field) => rule(field)),
  group: fc.record({
    combinator: fc.constantFrom('and', 'or'),
    rules: fc.array(fc.oneof({ maxDepth: 3 }, tie('rule'), tie('group')), { maxLength: 4 }),
  }) as fc.Arbitrary<RuleGroupType>,
})).group;

/** The places of all nodes but the root, as react-querybuilder names them. */
function placesIn(query: RuleGroupType, path: number[] = []): number[][] {
  return query.rules.flatMap((each, at) => {
    const here = [...path, at];
    return [here, ...('rules' in each ? placesIn(each as RuleGroupType, here) : [])];
  });
}

/** It gives ids to what it adds. */
const withoutIds = (query: RuleGroupType): unknown =>
  JSON.parse(JSON.stringify(query, (name, value) => (name === 'id' ? undefined : value)));

const ours = (path: readonly number[]): NodePath => path.flatMap((at) => ['rules', at]);

/** Only objects as JSON makes them are groups to react-querybuilder. */
const treesWithPlace = trees
  .map((query): RuleGroupType => JSON.parse(JSON.stringify(query)))
  .filter(({ rules }) => rules.length > 0)
  .chain((query) => fc.tuple(fc.constant(query), fc.constantFrom(...placesIn(query))));

describe('edits of plain groups', () => {
  it('move as those of react-querybuilder', () => {
    fc.assert(
      fc.property(treesWithPlace, fc.constantFrom('up', 'down'), ([query, place], way) => {
        const mine = queryOf(moved(draft(query), ours(place), way));
        expect(mine).toEqual(move(query, place, way));
      }),
    );
  });

  it('remove and add as those of react-querybuilder', () => {
    fc.assert(
      fc.property(treesWithPlace, ([query, place]) => {
        expect(queryOf(removed(draft(query), ours(place)))).toEqual(remove(query, place));
        const node = nodeAt(draft(query), ours(place))!;
        if (!isGroup(node)) return;
        const put = inserted(draft(query), ours(place), node.rules.length, copied(draft(query)));
        expect(queryOf(put)).toEqual(withoutIds(add(query, query, place)));
      }),
    );
  });

  it('put a node into a group of its own', () => {
    const mine = grouped(draft(all(rule('a'), rule('b'))), ['rules', 1], newGroup());
    expect(queryOf(mine)).toEqual(all(rule('a'), all(rule('b'))));
  });
});

describe('groups about related records', () => {
  const TOTAL: NodePath = ['rules', 1, 'value', 'rules', 0];

  it('are reached by their paths', () => {
    const root = draft(RELATED);
    expect((nodeAt(root, TOTAL) as DraftRule).field).toBe('total');
    expect(pathOf(pointerOf(TOTAL))).toEqual(TOTAL);
    const after = changed(root, TOTAL, (node) => ({ ...(node as DraftRule), value: 750 }));
    expect(nodeAt(after, TOTAL)).toMatchObject({ field: 'total', value: 750 });
    expect(nodeAt(root, TOTAL)).toMatchObject({ value: 1 });
  });

  it('keep what they hold: others can not get in, and these not out', () => {
    const root = draft(RELATED);
    expect(moved(root, TOTAL, 'up')).toBe(root);
    expect(moved(root, ['rules', 2, 'where', 'rules', 0], 'down')).toBe(root);
    const passed = queryOf(moved(root, ['rules', 0], 'down')) as RuleGroupType;
    expect((passed.rules[1] as RuleType).field).toBe('a');
  });

  it('leave what an edit does not touch as it is', () => {
    const root = draft(RELATED);
    const after = changed(root, TOTAL, (node) => ({ ...(node as DraftRule), value: 2 }));
    expect(after.rules[0]).toBe(root.rules[0]);
    expect(after.rules[2]).toBe(root.rules[2]);
    expect(after.rules[1]).not.toBe(root.rules[1]);
  });
});

describe('what is left after each condition', () => {
  it('is asked of all up to it, and of nothing that is switched off', () => {
    const root = draft(all(rule('a'), rule('b', { muted: true }), any(rule('c'))));
    expect(chainsOf(root)).toEqual([
      [root.rules[0]![KEY], all(rule('a'))],
      [root.rules[2]![KEY], queryOf(root)],
    ]);
  });
});

describe('keys', () => {
  it('are seen by nobody who reads the query', () => {
    expect(queryOf(draft(RELATED))).toEqual(RELATED);
  });

  it('stay with a node wherever it goes, and come back with a kept draft', () => {
    const root = draft(RELATED);
    const key = root.rules[0]![KEY];
    expect(moved(root, ['rules', 0], 'down').rules[1]![KEY]).toBe(key);
    const again = withKeys(draft(JSON.parse(JSON.stringify(queryOf(root)))), keysOf(root));
    expect(keysOf(again)).toEqual(keysOf(root));
    expect(keysOf(root)).not.toContain(newGroup()[KEY]);
  });

  it('are new in a copy', () => {
    const root = draft(RELATED);
    const after = duplicated(root, ['rules', 1], copied(root.rules[1]!));
    const keys = keysOf(after);
    expect(new Set(keys).size).toBe(keys.length);
    expect(queryOf(after.rules[2]!)).toEqual(queryOf(root.rules[1]!));
  });

  it('name what has the focus after a removal: the next, the one before, the group', () => {
    const root = draft(all(rule('a'), rule('b'), rule('c')));
    const [, b, c] = root.rules;
    expect(keyAfterRemoval(root, ['rules', 1])).toBe(c![KEY]);
    expect(keyAfterRemoval(root, ['rules', 2])).toBe(b![KEY]);
    const single = draft(all(rule('a')));
    expect(keyAfterRemoval(single, ['rules', 0])).toBe(single[KEY]);
  });
});

describe('what is read', () => {
  it('takes combinators between rules as groups, "and" first', () => {
    const query = { rules: [rule('a'), 'and', rule('b'), 'or', rule('c')] };
    expect(queryOf(draft(query))).toEqual(any(all(rule('a'), rule('b')), rule('c')));
    expect(queryOf(draft({ rules: [rule('a'), 'and', rule('b')] }))).toEqual(
      all(rule('a'), rule('b')),
    );
  });

  it('is no draft if it is not made of rules', () => {
    expect(draftOf({ '>': [{ var: 'age' }, 3] })).toBeUndefined();
    expect(draftOf({ type: 'group', operator: 'and', items: [] })).toBeUndefined();
    expect(draftOf(all(3))).toBeUndefined();
    expect(draftOf(all({ ...rule('o'), match: { mode: 'some' }, value: 3 }))).toBeUndefined();
  });

  it('switches off and on, and combines in four ways', () => {
    const off = muted(draft(all(rule('a'))), ['rules', 0]);
    expect(queryOf(off)).toEqual(all(rule('a', { muted: true })));
    expect(queryOf(muted(off, ['rules', 0]))).toEqual(all(rule('a')));
    for (const joint of JOINTS) expect(jointOf(withJoint(draft(all()), joint))).toBe(joint);
    expect(queryOf(withJoint(draft(all()), 'none'))).toEqual({ ...any(), not: true });
  });
});

describe('undo', () => {
  const edit = (value: number, atMs: number, place?: string) => ({
    kind: 'edit' as const,
    change: (now: DraftGroup) =>
      changed(now, ['rules', 0], (node) => ({ ...(node as DraftRule), value })),
    place,
    atMs,
  });
  const valueIn = ({ now }: ReturnType<typeof startHistory>) => (now.rules[0] as DraftRule).value;

  it('takes back what was typed in one go as one step, and does it again', () => {
    let history = startHistory(draft(all(rule('a'))));
    for (const step of [edit(7, 5000, 'v'), edit(75, 5300, 'v'), edit(750, 5600, 'v')])
      history = stepped(history, step);
    history = stepped(history, edit(750.5, 5700, 'another place'));
    history = stepped(history, edit(751, 9000, 'another place'));
    history = stepped(history, { kind: 'undo' });
    expect(valueIn(history)).toBe(750.5);
    history = stepped(history, { kind: 'undo' });
    expect(valueIn(history)).toBe(750);
    history = stepped(history, { kind: 'undo' });
    expect(valueIn(history)).toBe(1);
    expect(stepped(history, { kind: 'undo' })).toBe(history);
    for (let step = 0; step < 3; step++) history = stepped(history, { kind: 'redo' });
    expect(valueIn(history)).toBe(751);
  });

  it('forgets what was undone once something else is done, and the oldest steps', () => {
    let history = startHistory(draft(all(rule('a'))));
    history = stepped(stepped(history, edit(2, 0)), { kind: 'undo' });
    history = stepped(history, edit(3, 0));
    expect(valueIn(stepped(history, { kind: 'redo' }))).toBe(3);
    for (let value = 0; value < 500; value++) history = stepped(history, edit(value + 10, 0));
    expect(history.before).toHaveLength(200);
  });
});
