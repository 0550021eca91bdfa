import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  applyFlips,
  hasPredicateId,
  NO_PREDICATE_IDS,
  predicateIds,
} from '../../../src/membership/predicate-ids.ts';
import { flip, PREDICATE_ID_MAX } from '../../../src/query/network/network.ts';
import { packPredicateIds, unpackPredicateIds } from '../../../src/redis/rows/predicate-ids.ts';
import { packState, unpackState } from '../../../src/redis/rows/state-row.ts';

const ascending = fc
  .uniqueArray(fc.oneof(fc.nat({ max: 200 }), fc.nat({ max: PREDICATE_ID_MAX })), {
    maxLength: 300,
  })
  .map((all) => all.sort((a, b) => a - b));
const keepAll = () => true;

describe('the predicate ids of a record', () => {
  it('come out of their packed form as they went in', () => {
    fc.assert(
      fc.property(ascending, (all) => {
        expect([...unpackPredicateIds(packPredicateIds(predicateIds(all), keepAll))]).toEqual(all);
      }),
    );
  });

  it('are packed into printable ASCII, about one character each when one in four holds', () => {
    const all = Array.from({ length: 2500 }, (_, i) => i * 4);
    const packed = packPredicateIds(predicateIds(all), keepAll);
    expect(packed).toMatch(/^[0-o]*$/);
    expect(packed.length).toBeLessThan(2600);
  });

  it('lose what was retired when they are packed', () => {
    expect([
      ...unpackPredicateIds(
        packPredicateIds(predicateIds([1, 5, 9]), (predicateId) => predicateId !== 5),
      ),
    ]).toEqual([1, 9]);
  });

  it('are found by has, and nothing else is', () => {
    fc.assert(
      fc.property(ascending, fc.nat({ max: 250 }), (all, predicateId) => {
        expect(hasPredicateId(predicateIds(all), predicateId)).toBe(all.includes(predicateId));
      }),
    );
  });

  it('change by flips alone, and the set that was given stays as it was', () => {
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
        expect([...after]).toEqual([...expected].sort((a, b) => a - b));
        expect([...held]).toEqual(all);
      }),
    );
  });

  it('refuse a flip to what they are already: stored truth would be wrong', () => {
    expect(() => applyFlips(predicateIds([3]), [flip(3, true)])).toThrow('bug: ');
    expect(() => applyFlips(NO_PREDICATE_IDS, [flip(3, false)])).toThrow('bug: ');
  });
});

describe('a state row', () => {
  it('that says nothing is not stored, and an absent one says nothing', () => {
    expect(packState({ truth: NO_PREDICATE_IDS, due: undefined }, keepAll)).toBeUndefined();
    expect(unpackState(null)).toEqual({ truth: NO_PREDICATE_IDS, due: undefined });
  });

  it('says the due time before the predicate ids, which may hold any sign', () => {
    expect(packState({ truth: predicateIds([0, 11]), due: undefined }, keepAll)).toBe(';0:');
    const { truth, due } = unpackState('1700000000000;0:');
    expect([[...truth], due]).toEqual([[0, 11], 1_700_000_000_000]);
  });
});
