/**
 * generations.test.ts – A bounded cache answers with what was put there last, or with nothing.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Generations } from '../../../src/engine/generations.ts';

const [COUNT_MAX, WEIGHT_MAX] = [8, 40];

const operation = fc.record({
  kind: fc.constantFrom('get', 'set', 'delete'),
  group: fc.constantFrom('a', 'b'),
  key: fc.nat({ max: 9 }).map(String),
  weight: fc.nat({ max: 25 }),
});

interface Value {
  readonly weight: number;
}

describe('Generations', () => {
  it('never answers with an older value, and holds no more than it may', () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 200 }), (operations) => {
        const cache = new Generations<Value>(COUNT_MAX, WEIGHT_MAX, ({ weight }) => weight);
        const latest = new Map<string, Value>();
        for (const { kind, group, key, weight } of operations) {
          const name = group + key;
          if (kind === 'get')
            expect([undefined, latest.get(name)]).toContain(cache.get(group, key));
          else if (kind === 'delete') {
            cache.delete(group, key);
            latest.delete(name);
          } else {
            const value = { weight };
            cache.set(group, key, value);
            latest.set(name, value);
          }
        }
        const kept = [...latest].filter(([name]) => cache.get(name[0]!, name.slice(1)));
        expect(kept.length).toBeLessThanOrEqual(COUNT_MAX);
      }),
      { numRuns: 500 },
    );
  });

  it('holds no more weight than it may, however often values are written again', () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 100 }), (operations) => {
        const cache = new Generations<Value>(1000, WEIGHT_MAX, ({ weight }) => weight);
        for (const { group, key, weight } of operations) cache.set(group, key, { weight });
        const seen = new Set(operations.map(({ group, key }) => group + key));
        let held = 0;
        for (const name of seen) held += cache.peek(name[0]!, name.slice(1))?.weight ?? 0;
        expect(held).toBeLessThanOrEqual(WEIGHT_MAX);
      }),
    );
  });

  it('keeps what is used again and again, whatever else comes', () => {
    const cache = new Generations<string>(COUNT_MAX);
    cache.set('a', 'hot', 'hot');
    for (let n = 0; n < 100; n++) {
      cache.set('a', `${n}`, 'cold');
      expect(cache.get('a', 'hot')).toBe('hot');
    }
    expect(cache.get('a', '1')).toBeUndefined();
  });
});
