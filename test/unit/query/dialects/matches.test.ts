/**
 * matches.test.ts – Patterns in filters: what is refused and where, what they are in JsonLogic, and
 * what a network makes of them.
 */
import { describe, expect, it } from 'vitest';
import { spentSince, spentSoFar } from '../../../../src/query/budget.ts';
import { compileQuery } from '../../../../src/query/dialects/compile.ts';
import { ProgramFailed } from '../../../../src/query/failure.ts';
import { PredicateNetwork } from '../../../../src/query/network/network.ts';
import { contactsScope, faultsOf, group } from '../../../support/contacts.ts';

const NAME = { var: 'name' };
const matches = (value: unknown, more: object = {}) =>
  group({ field: 'name', operator: 'matches', value, ...more });
const compiled = (query: unknown) => compileQuery(query, contactsScope());
const codeOf = (query: unknown) => {
  try {
    compiled(query);
    return 'none';
  } catch (error) {
    return (error as { code: string }).code;
  }
};

/** The most that is read: a program of 1,902 instructions. */
const LARGE = '(x{1000})(x{900})';

describe('a pattern that is none is refused where it stands', () => {
  it.each<[unknown, string]>([
    [matches('('), '/query/rules/0/value: error parsing regexp: missing closing ): `(`'],
    [
      matches('[z-a]', { operator: 'doesNotMatch' }),
      '/query/rules/0/value: error parsing regexp: invalid character class range: `z-a`',
    ],
    [{ matches: [NAME, '('] }, '/query/matches/1: error parsing regexp: missing closing ): `(`'],
    [
      { '!': [{ matches: [NAME, { var: 'nick' }] }] },
      '/query/!/0/matches: it takes a value and a text, which is not computed',
    ],
    [{ matches: [NAME] }, '/query/matches: it takes a value and a text, which is not computed'],
  ])('%j', (query, fault) => {
    expect(faultsOf(query)).toEqual([fault]);
    expect(codeOf(query)).toBe('query_invalid');
  });

  it('only strings are matched', () => {
    expect(faultsOf(group({ field: 'age', operator: 'matches', value: '1' }))).toEqual([
      expect.stringContaining("does not take 'matches'"),
    ]);
  });
});

describe('a pattern that costs too much is refused', () => {
  it('by the size of its program', () => {
    const query = matches(`${LARGE}x{100}`);
    expect(codeOf(query)).toBe('query_too_costly');
    expect(faultsOf(query)).toEqual([expect.stringMatching(/^\/query\/rules\/0\/value: .*2,000/)]);
  });

  it('with all others of the query', () => {
    const many = (count: number) => ({
      combinator: 'or',
      rules: Array.from({ length: count }, (_, n) => ({
        field: 'name',
        operator: 'matches',
        value: `${LARGE}${n}`,
      })),
    });
    expect(codeOf(many(40))).toBe('none');
    expect(codeOf(many(60))).toBe('query_too_costly');
    const logic = { or: many(60).rules.map(({ value }) => ({ matches: [NAME, value] })) };
    expect(codeOf(logic)).toBe('query_too_costly');
  });
});

describe('JsonLogic', () => {
  it('says it with one operation, and is read back as the same', () => {
    for (const more of [{}, { caseInsensitive: true }, { operator: 'doesNotMatch' }]) {
      const query = matches('^\\D+$', more);
      const { key, jsonLogic } = compiled(query);
      expect(compiled(jsonLogic).key).toBe(key);
    }
    expect(compiled(matches('^\\D+$')).jsonLogic).toEqual({
      and: [{ matches: [NAME, '^\\D+$'] }],
    });
  });

  it('leaves case out by a flag of the pattern', () => {
    expect(compiled(matches('^\\D+$', { caseInsensitive: true })).jsonLogic).toEqual({
      and: [{ matches: [NAME, '(?i)^\\D+$'] }],
    });
    expect(compiled(matches('a', { caseInsensitive: true })).key).toBe(
      compiled({ matches: [NAME, '(?i)a'] }).key,
    );
  });
});

describe('a network', () => {
  const network = new PredicateNetwork();
  const both = { combinator: 'or', rules: [] as unknown[] };
  both.rules = [
    { field: 'age', operator: '>', value: 5 },
    { field: 'name', operator: 'matches', value: '^[a-z]+\\d$' },
  ];
  network.add(1, compiled(matches('^[a-z]+\\d$')).predicate);
  network.add(2, compiled(both).predicate);
  const spentBy = (run: () => unknown) => {
    const before = spentSoFar();
    run();
    return spentSince(before);
  };

  it('tests a pattern when its attribute changes, and not when another one does', () => {
    const before = { name: 'ann1', age: 1 };
    const update = (after: Record<string, unknown>, name: string) =>
      spentBy(() => network.update(before, after, [name], () => true, 0));
    expect(update({ ...before, name: 'ann' }, 'name')).toBeGreaterThan(0);
    expect(update({ ...before, nick: 'a' }, 'nick')).toBe(0);
    expect(update({ ...before, age: 7 }, 'age')).toBe(0);
  });

  it('names what flips', () => {
    const flips = network.update({ name: 'ann1' }, { name: 'ann' }, ['name'], () => true, 0);
    expect(flips.map((flip) => flip >> 1).sort()).toEqual([1, 2]);
    expect(network.create({ name: 'bob2' }, 0)).toEqual([1, 2]);
  });

  it('fails what takes more than its budget for a text, and nothing else', () => {
    const name = 'a'.repeat(1_000_000);
    expect(() => network.create({ name }, 0)).toThrow(ProgramFailed);
    const failed = new Set([1, 2]);
    expect(network.create({ name }, 0, { verify: [], open: new Set(), failed })).toEqual([]);
  });

  it('names all that fail over a record at once, however many there are', () => {
    const many = new PredicateNetwork();
    for (let predicateId = 1; predicateId <= 20; predicateId++) {
      const pattern = predicateId % 2 === 0 ? `^a${predicateId}` : `(a?){9}${predicateId}`;
      many.add(predicateId, compiled(matches(pattern)).predicate);
    }
    const name = 'a'.repeat(300_000);
    const odd = Array.from({ length: 10 }, (_, at) => 2 * at + 1);
    const failedOf = (run: () => unknown) => {
      try {
        run();
      } catch (error) {
        if (error instanceof ProgramFailed) return [...error.predicateIds].sort((a, b) => a - b);
        throw error;
      }
      return [];
    };
    expect(failedOf(() => many.create({ name }, 0))).toEqual(odd);
    expect(failedOf(() => many.update({}, { name }, undefined, () => false, 0))).toEqual(odd);
    const failed = new Set(odd);
    expect(many.create({ name }, 0, { verify: [], open: new Set(), failed })).toEqual([]);
  });
});
