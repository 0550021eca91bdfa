import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { flip, PREDICATE_ID_MAX } from '../../../../src/query/network/network.ts';
import {
  applyFlips,
  BLOCK_IDS_MAX,
  hasPredicateId,
  keptPredicateIds,
  NO_PREDICATE_IDS,
  predicateIds,
} from '../../../../src/query/network/predicate-ids.ts';

const anId = fc.oneof(
  fc.nat({ max: 200 }),
  fc.integer({ min: BLOCK_IDS_MAX - 40, max: BLOCK_IDS_MAX + 40 }),
  fc.nat({ max: PREDICATE_ID_MAX }),
);
const ascending = fc.uniqueArray(anId, { maxLength: 300 }).map((all) => all.sort((a, b) => a - b));

describe('the predicate ids of a record', () => {
  it('are found by has, and nothing else is', () => {
    fc.assert(
      fc.property(ascending, anId, (all, other) => {
        const held = predicateIds(all);
        for (const predicateId of [...all, ...all.map((each) => each + 1), other])
          expect(hasPredicateId(held, predicateId)).toBe(all.includes(predicateId));
        expect([...held]).toEqual(all);
        expect(held.size).toBe(all.length);
      }),
    );
  });

  it('change by flips alone, equal ones are equal, and those that were given stay', () => {
    fc.assert(
      fc.property(ascending, ascending, (all, flipped) => {
        const held = predicateIds(all);
        const after = applyFlips(
          held,
          flipped.map((predicateId) => flip(predicateId, !all.includes(predicateId))),
        );
        const expected = new Set(all);
        for (const predicateId of flipped)
          if (!expected.delete(predicateId)) expected.add(predicateId);
        expect(after).toEqual(predicateIds([...expected].sort((a, b) => a - b)));
        expect([...held]).toEqual(all);
      }),
    );
  });

  it('share all blocks but those of the flips with what they came from', () => {
    const held = predicateIds([1, 5, BLOCK_IDS_MAX, 3 * BLOCK_IDS_MAX + 7]);
    const after = applyFlips(held, [flip(BLOCK_IDS_MAX + 9, true)]);
    expect(after.blocks.map((block, at) => block === held.blocks[at])).toEqual([true, false, true]);
    const less = applyFlips(after, [flip(BLOCK_IDS_MAX, false), flip(BLOCK_IDS_MAX + 9, false)]);
    expect(less.blocks).toEqual([held.blocks[0], held.blocks[2]]);
    expect(less.blocks[1]).toBe(held.blocks[2]);
  });

  it('lose what is not kept, and are the same object if all is', () => {
    fc.assert(
      fc.property(ascending, ascending, (all, some) => {
        const held = predicateIds(all);
        const kept = new Set(some);
        const left = keptPredicateIds(held, predicateIds(some));
        expect(left).toEqual(predicateIds(all.filter((each) => kept.has(each))));
        const union = [...new Set([...all, ...some])].sort((a, b) => a - b);
        expect(keptPredicateIds(held, predicateIds(union))).toBe(held);
      }),
    );
  });

  it('refuse a flip to what they are already: stored truth would be wrong', () => {
    expect(() => applyFlips(predicateIds([3]), [flip(3, true)])).toThrow('bug: ');
    expect(() => applyFlips(NO_PREDICATE_IDS, [flip(3, false)])).toThrow('bug: ');
  });
});
