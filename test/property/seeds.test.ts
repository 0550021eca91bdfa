/**
 * seeds.test.ts – Seeds of every kind of nonsense are planned without a fault of ours: each item
 * lands in one list, a seed that is refused writes nothing, and one that is taken over changes
 * nothing the second time, in whatever order.
 *
 * Replay with ROLLCALL_SEED=<seed>.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Catalog } from '../../src/catalog/catalog.ts';
import {
  type DefinitionPlan,
  planDefinitions,
  readSeedItem,
  type SeedItem,
  writeDefinitions,
} from '../../src/catalog/seeds.ts';
import { DEFINITIONS } from '../support/seed-items.ts';
import { isWhole } from '../support/whole.ts';

const SEED = process.env.ROLLCALL_SEED;
const PARAMETERS = {
  numRuns: process.env.ROLLCALL_SOAK ? 50_000 : isWhole ? 1_000 : 400,
  ...(SEED === undefined ? {} : { seed: Number(SEED) }),
};
const KINDS = ['object_types', 'segments', 'views'] as const;

function itemsOf(given: readonly unknown[]): SeedItem[] {
  return given
    .map((each, index) => readSeedItem(index, each))
    .filter((item): item is SeedItem => !('errors' in item));
}

/** The catalog after a seed of good definitions. */
function catalogWith(given: readonly unknown[]): Catalog {
  const catalog = new Catalog();
  const plan = planDefinitions(catalog, itemsOf(given), 'UTC');
  expect(plan.errors).toEqual([]);
  catalog.apply(1, plan.change!);
  return catalog;
}

type Place = { readonly holder: Record<string, unknown>; readonly member: string };

/** Every place within a JSON value that something may be put in. */
function placesIn(value: unknown): Place[] {
  if (typeof value !== 'object' || value === null) return [];
  const holder = value as Record<string, unknown>;
  return Object.keys(holder).flatMap((member) => [{ holder, member }, ...placesIn(holder[member])]);
}

/**
 * Some values of some items are lost, replaced, or changed for values from elsewhere in the seed.
 */
const broken: fc.Arbitrary<unknown[]> = fc
  .array(
    fc.record({
      at: fc.nat(),
      from: fc.nat(),
      how: fc.constantFrom('remove', 'replace', 'copy', 'rename'),
      value: fc.oneof(
        fc.jsonValue({ maxDepth: 2 }),
        fc.constantFrom('adults', 'contacts', 'companies', 'heads', 'name', ''),
      ),
    }),
    { maxLength: 4 },
  )
  .map((changes) => {
    const seed: unknown[] = structuredClone([...DEFINITIONS]);
    for (const { at, from, how, value } of changes) {
      const places = placesIn(seed).filter(
        ({ holder }) => !Array.isArray(holder) || how !== 'rename',
      );
      const { holder, member } = places[at % places.length]!;
      const other = places[from % places.length]!;
      if (how === 'replace') holder[member] = value;
      else if (how === 'copy') holder[member] = structuredClone(other.holder[other.member]);
      else {
        if (how === 'rename') holder[other.member] = holder[member];
        if (Array.isArray(holder)) holder.splice(Number(member), 1);
        else delete holder[member];
      }
    }
    return seed;
  });

function landed({ create, update, unchanged, errors }: DefinitionPlan): number {
  return create.length + update.length + unchanged.length + errors.length;
}

describe('the plan of a seed', () => {
  it.each([
    ['an empty catalog', () => new Catalog()],
    ['a catalog that has such definitions already', () => catalogWith(DEFINITIONS)],
  ])(
    'over %s puts each item into one list, and writes nothing of a seed with a fault',
    (_, open) => {
      const catalog = open();
      let refused = 0;
      fc.assert(
        fc.property(broken, (seed) => {
          const items = itemsOf(seed).filter(({ objectType }) =>
            (KINDS as readonly string[]).includes(objectType),
          );
          const plan = planDefinitions(catalog, items, 'UTC');
          if (plan.errors.length > 0) {
            refused++;
            expect(plan.change).toBeUndefined();
            for (const { index, errors } of plan.errors)
              for (const { path } of errors) expect(path).toMatch(new RegExp(`^/${index}/`));
          }
          expect(landed(plan)).toBe(items.length);
        }),
        PARAMETERS,
      );
      expect(refused).toBeGreaterThan(PARAMETERS.numRuns / 10);
    },
  );

  it('that is taken over leaves nothing to be done a second time, in another order, or from an export', () => {
    let taken = 0;
    fc.assert(
      fc.property(broken, fc.array(fc.nat(), { minLength: 7, maxLength: 7 }), (seed, order) => {
        const items = itemsOf(seed).filter(({ objectType }) =>
          (KINDS as readonly string[]).includes(objectType),
        );
        const catalog = new Catalog();
        const plan = planDefinitions(catalog, items, 'UTC');
        if (!plan.change) return;
        taken++;
        catalog.apply(1, plan.change);
        const again = planDefinitions(catalog, items, 'UTC');
        expect([again.unchanged.length, again.errors, again.change]).toEqual([
          items.length,
          [],
          undefined,
        ]);

        const shuffled = items
          .map((item, at) => ({ item, key: order[at % order.length]! }))
          .sort((a, b) => a.key - b.key);
        const other = new Catalog();
        other.apply(
          1,
          planDefinitions(
            other,
            shuffled.map(({ item }) => item),
            'UTC',
          ).change!,
        );
        expect(writeDefinitions(other, KINDS)).toEqual(writeDefinitions(catalog, KINDS));

        const third = new Catalog();
        third.apply(
          1,
          planDefinitions(third, itemsOf(writeDefinitions(catalog, KINDS)), 'UTC').change!,
        );
        expect(writeDefinitions(third, KINDS)).toEqual(writeDefinitions(catalog, KINDS));
      }),
      PARAMETERS,
    );
    expect(taken).toBeGreaterThan(PARAMETERS.numRuns / 20);
  });
});
