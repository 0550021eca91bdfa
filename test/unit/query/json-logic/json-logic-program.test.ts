/**
 * json-logic-program.test.ts – The traps of JsonLogic as examples, and what a program reads.
 */

import { describe, expect, it, vi } from 'vitest';
import {
  compileProgram,
  isLogic,
  PROGRAM_OPERATIONS,
  programReads,
  truthy,
} from '../../../../src/query/json-logic/json-logic-program.ts';

function run(rule: unknown, data: unknown = null): unknown {
  return compileProgram(rule)(data);
}

/** `{"!": {"!": … rule}}` */
function negated(times: number, rule: unknown): unknown {
  return times === 0 ? rule : { '!': negated(times - 1, rule) };
}

describe('a path', () => {
  it('reads own properties only', () => {
    for (const path of [
      'constructor',
      '__proto__',
      'toString',
      'name.constructor',
      'tags.map',
      'tags.constructor.name',
    ]) {
      expect(run({ var: path }, { name: 'Ada', tags: ['x'] })).toBeNull();
      expect(run({ var: [path, 'default'] }, { name: 'Ada', tags: ['x'] })).toBe('default');
      expect(run({ missing: path }, { name: 'Ada', tags: ['x'] })).toEqual([path]);
    }
  });

  it('reads an own property that has the name of an inherited one', () => {
    expect(run({ var: '__proto__.a' }, JSON.parse('{"__proto__":{"a":1}}'))).toBe(1);
    expect(run({ var: 'constructor' }, { constructor: 'Bauhaus' })).toBe('Bauhaus');
  });

  it('reads items and lengths of lists and strings', () => {
    expect(run({ var: 'tags.length' }, { tags: ['x', 'y'] })).toBe(2);
    expect(run({ var: 'tags.1' }, { tags: ['x', 'y'] })).toBe('y');
    expect(run({ var: 'name.length' }, { name: 'Ada' })).toBe(3);
    expect(run({ var: 1 }, ['x', 'y'])).toBe('y');
  });

  it('gives null, not its default, where null is the value', () => {
    expect(run({ var: ['a', 1] }, { a: null })).toBeNull();
    expect(run({ var: ['a.b', 1] }, { a: null })).toBe(1);
    expect(run({ var: ['a', 1] }, null)).toBe(1);
  });

  it('of no name is the document', () => {
    for (const rule of [{ var: '' }, { var: null }, { var: [] }, { var: ['', 1] }])
      expect(run(rule, 7)).toBe(7);
  });

  it('may be computed', () => {
    expect(run({ var: { cat: ['a.', { var: 'key' }] } }, { key: 'b', a: { b: 5 } })).toBe(5);
  });

  it('is evaluated once more by missing, where a list is a path with its default', () => {
    expect(run({ missing: ['a', ['b', 'default'], ['b']] }, {})).toEqual(['a', ['b']]);
    expect(run({ missing: { var: 'keys' } }, { keys: [{ cat: ['a', 'b'] }, 'c'], ab: 1 })).toEqual([
      'c',
    ]);
  });

  it('counts as missing when it leads to an empty string', () => {
    expect(run({ missing: ['a', 'b', 'c'] }, { a: '', b: 0, c: null })).toEqual(['a', 'c']);
    expect(run({ map: [[{ and: [] }, null], { missing: '' }] })).toEqual([[], ['']]);
    expect(run({ missing_some: [1, ['a', 'b']] }, { a: '', b: 0 })).toEqual([]);
    expect(run({ missing_some: [2, ['a', 'b']] }, { a: '', b: 0 })).toEqual(['a']);
  });
});

describe('a comparison', () => {
  it('takes null for 0 where it orders', () => {
    expect(run({ '<': [{ var: 'age' }, 18] }, {})).toBe(true);
    expect(run({ '>': [{ var: 'age' }, -1] }, {})).toBe(true);
    expect(run({ '==': [{ var: 'age' }, 0] }, {})).toBe(false);
  });

  it('may have three operands', () => {
    expect(run({ '<': [1, { var: 'a' }, 3] }, { a: 2 })).toBe(true);
    expect(run({ '<=': [1, { var: 'a' }, 3] }, { a: 4 })).toBe(false);
    expect(run({ '>': [3, 2, 5] })).toBe(true);
  });

  it('compares with undefined what it is not given', () => {
    expect(run({ '==': [null] })).toBe(true);
    expect(run({ '===': [null] })).toBe(false);
    expect(run({ '<': [1] })).toBe(false);
  });

  it('converts with ==, and does not with ===', () => {
    expect(run({ '==': [{ var: 'a' }, 1] }, { a: '1' })).toBe(true);
    expect(run({ '===': [{ var: 'a' }, 1] }, { a: '1' })).toBe(false);
  });

  it('sees a new list at each evaluation', () => {
    const pairs = { map: [[1, 2], [7]] };
    const same = {
      if: [
        { var: 'accumulator' },
        { '===': [{ var: 'accumulator' }, { var: 'current' }] },
        { var: 'current' },
      ],
    };
    expect(run({ reduce: [pairs, same, null] })).toBe(false);
  });
});

describe('in', () => {
  it('finds a missing value in "null", and nothing in null', () => {
    expect(run({ in: [{ var: 'gone' }, 'nullable'] }, {})).toBe(true);
    expect(run({ in: ['a', { var: 'gone' }] }, {})).toBe(false);
    expect(run({ in: ['a', { a: 1, b: 2 }] })).toBe(false);
  });

  it('is strict in a list, be it short or long', () => {
    for (const length of [3, 100]) {
      const list = Array.from({ length }, (_, i) => i);
      expect(run({ in: [{ var: 'a' }, list] }, { a: 2 })).toBe(true);
      expect(run({ in: [{ var: 'a' }, list] }, { a: '2' })).toBe(false);
      expect(run({ in: [{ '/': [0, 0] }, [...list, { '/': [0, 0] }]] })).toBe(false);
      expect(run({ in: [{ '/': [{ var: 'a' }, 0] }, [...list, { '/': [0, 0] }]] }, { a: 0 })).toBe(
        false,
      );
    }
  });
});

describe('logic', () => {
  it('of nothing is undefined, and so not true', () => {
    expect(run({ and: [] })).toBeUndefined();
    expect(run({ or: [] })).toBeUndefined();
    expect(run({ if: [] })).toBeNull();
  });

  it('gives back values, not truths', () => {
    expect(run({ and: [1, { var: 'a' }, 3] }, { a: '' })).toBe('');
    expect(run({ or: [0, [], 'x'] })).toBe('x');
    expect(run({ or: [0, []] })).toEqual([]);
  });

  it('chooses the first true branch of any number', () => {
    const rule = { if: [{ var: 'a' }, 'a', { var: 'b' }, 'b', 'c'] };
    expect([run(rule, { a: 1 }), run(rule, { b: 1 }), run(rule, {})]).toEqual(['a', 'b', 'c']);
    expect(run({ '?:': [false, 1] })).toBeNull();
    expect(run({ if: [{ var: 'a' }] }, { a: 5 })).toBe(5);
  });

  it('takes an empty list for false, and "0" and an empty object for true', () => {
    expect([truthy([]), truthy(0), truthy(''), truthy(Number.NaN)]).toEqual([
      false,
      false,
      false,
      false,
    ]);
    expect([truthy('0'), truthy({}), truthy([0]), truthy(true)]).toEqual([true, true, true, true]);
  });

  it('is an object with one key; any other is a value, and a list is evaluated item by item', () => {
    expect([
      isLogic({ a: 1 }),
      isLogic({}),
      isLogic({ a: 1, b: 2 }),
      isLogic([1]),
      isLogic(null),
    ]).toEqual([true, false, false, false, false]);
    expect(run({ '==': [1, 2], '!': 1 })).toEqual({ '==': [1, 2], '!': 1 });
    expect(run([{ var: 'a' }, [{ var: 'a' }]], { a: 1 })).toEqual([1, [1]]);
  });
});

describe('arithmetic', () => {
  it('reads numbers as parseFloat does in + and *', () => {
    expect(run({ '+': ['1.5px', '2'] })).toBe(3.5);
    expect(run({ '+': '3.14' })).toBe(3.14);
    expect(run({ '+': [] })).toBe(0);
    expect(run({ '+': ['-0', '-0'] })).toBe(0);
    expect(run({ '+': [{ var: 'a' }, 1] }, {})).toBeNaN();
    expect(run({ '*': [2, '3', [4]] })).toBe(24);
    expect(run({ '*': ['x'] })).toBe('x');
    expect(() => run({ '*': [] })).toThrow(TypeError);
  });

  it('negates with one operand', () => {
    expect(run({ '-': [{ var: 'a' }] }, { a: 2 })).toBe(-2);
    expect(run({ '-': ['5', 3] })).toBe(2);
  });

  it('knows min and max of nothing', () => {
    expect([run({ min: [] }), run({ max: [] }), run({ max: [1, '3', 2] })]).toEqual([
      Infinity,
      -Infinity,
      3,
    ]);
  });
});

describe('text', () => {
  it('joins null as nothing', () => {
    expect(run({ cat: ['a', null, 1, [2, null, 3]] })).toBe('a12,,3');
  });

  it('counts from the end with negative numbers', () => {
    expect(run({ substr: ['jsonlogic', -5] })).toBe('logic');
    expect(run({ substr: ['jsonlogic', 4, -2] })).toBe('log');
    expect(run({ substr: ['jsonlogic', 1, 3] })).toBe('son');
  });

  it('has the added operations, which are false of anything but strings', () => {
    expect(run({ startsWith: [{ var: 'a' }, 'ab'] }, { a: 'abc' })).toBe(true);
    expect(run({ endsWith: [{ var: 'a' }, 'bc'] }, { a: 'abc' })).toBe(true);
    expect(run({ startsWith: [{ var: 'a' }, ''] }, {})).toBe(false);
    expect(run({ endsWith: ['null', null] })).toBe(false);
    expect(run({ toLowerCase: { var: 'a' } }, { a: ['AB', 1] })).toEqual(['ab', 1]);
    expect([run({ toLowerCase: 'ÄB' }), run({ toLowerCase: null })]).toEqual(['äb', null]);
  });
});

it('a program finds where a day begins, and nothing where there is no day or no zone', () => {
  const begins = (...args: unknown[]) => run({ startOfDay: args });
  expect(begins('2018-11-04', 'America/Sao_Paulo')).toBe('2018-11-04T03:00:00.000Z');
  expect(begins('0000-01-01', 'Asia/Tokyo')).toBe('-000001-12-31T14:41:01.000Z');
  for (const args of [
    ['2023-02-29', 'UTC'],
    ['2024-02-29T00:00:00.000Z', 'UTC'],
    [['2024-02-29'], 'UTC'],
    [null, 'UTC'],
  ])
    expect(begins(...args)).toBeNull();
  for (const zone of ['Mars/Olympus', '', null, undefined, 5])
    expect(begins('2024-02-29', zone)).toBeNull();
});

describe('a scope', () => {
  it('sees nothing but its item', () => {
    expect(run({ map: [[1, 2], { var: 'outer' }] }, { outer: 5 })).toEqual([null, null]);
    expect(
      run(
        { filter: [{ var: 'items' }, { '>': [{ var: 'n' }, 1] }] },
        { items: [{ n: 1 }, { n: 2 }] },
      ),
    ).toEqual([{ n: 2 }]);
    expect(
      run(
        {
          reduce: [
            [1, 2, 3],
            { '+': [{ var: 'accumulator' }, { var: 'current' }] },
            { var: 'from' },
          ],
        },
        { from: 4 },
      ),
    ).toBe(10);
  });

  it('over nothing is false for all and some, and true for none', () => {
    for (const items of [[], null, 'text']) {
      const of = (name: string) => run({ [name]: [{ var: 'items' }, true] }, { items });
      expect([of('all'), of('some'), of('none'), of('map'), of('filter')]).toEqual([
        false,
        false,
        true,
        [],
        [],
      ]);
    }
    expect(run({ reduce: [null, 1, 'initial'] })).toBe('initial');
    expect(run({ reduce: [null, 1] })).toBeNull();
  });
});

describe('a program', () => {
  it('throws for an unknown operation when it is reached, and not before', () => {
    const rule = { if: [{ var: 'a' }, { method: ['x', 'y'] }, 'no'] };
    expect(run(rule, {})).toBe('no');
    expect(() => run(rule, { a: 1 })).toThrow('Unrecognized operation method');
    for (const name of ['constructor', '__proto__', 'cat.prototype.constructor']) {
      expect(() => run(JSON.parse(`{"${name}": []}`))).toThrow('Unrecognized operation');
    }
  });

  it('prints nothing for log', () => {
    const print = vi.spyOn(console, 'log');
    expect(run({ log: { var: 'a' } }, { a: 1 })).toBe(1);
    expect(print).not.toHaveBeenCalled();
    print.mockRestore();
  });

  it('may be 50 operations deep, and more', () => {
    expect(run(negated(50, { var: 'a' }), { a: 1 })).toBe(true);
    expect(run(negated(1_001, { var: 'a' }), { a: 1 })).toBe(false);
  });

  it('gives a new list at each run, so that changing one changes no other', () => {
    const program = compileProgram({ merge: [[1], [[2]]] });
    (program(null) as unknown[]).push('changed');
    expect(program(null)).toEqual([1, [2]]);
  });

  it('knows the operations of JsonLogic and the added ones', () => {
    expect([...PROGRAM_OPERATIONS].sort().join(' ')).toBe(
      '! !! != !== % * + - / < <= == === > >= ?: all and avg cat countDistinct endsWith filter ' +
        'if in log map matches max maximum merge min minimum missing missing_some none or ' +
        'reduce some startOfDay startsWith substr sum toLowerCase var',
    );
  });
});

describe('what a program reads', () => {
  const reads = (paths: string[], readsWholeDocument = false, computed = false) => ({
    paths,
    readsWholeDocument,
    computed,
  });

  it('is each constant path, once', () => {
    const rule = {
      and: [
        { '==': [{ var: 'a.b' }, 1] },
        { in: [{ var: ['c', { var: 'd' }] }, [{ var: 'a.b' }]] },
        { var: 1 },
      ],
    };
    // `{"var": ["c", default]}`: the default is read before the path that it stands in for
    expect(programReads(rule)).toEqual(reads(['a.b', 'd', 'c', '1']));
  });

  it('is nothing for a value', () => {
    expect(programReads(7)).toEqual(reads([]));
    expect(programReads({ a: { var: 'x' }, b: 1 })).toEqual(reads([]));
  });

  it('counts the keys of missing and missing_some', () => {
    expect(programReads({ missing: ['a', 'b'] })).toEqual(reads(['a', 'b']));
    expect(programReads({ missing: [['a', 'b']] })).toEqual(reads(['a', 'b']));
    expect(programReads({ missing: 'a' })).toEqual(reads(['a']));
    expect(programReads({ missing_some: [{ var: 'n' }, ['a', 'b']] })).toEqual(
      reads(['n', 'a', 'b']),
    );
  });

  it('is of the document, not of an item', () => {
    const each = { '==': [{ var: 'inner' }, { var: '' }] };
    for (const name of ['map', 'filter', 'all', 'some', 'none']) {
      expect(programReads({ [name]: [{ var: 'items' }, each] })).toEqual(reads(['items']));
    }
    expect(programReads({ reduce: [{ var: 'items' }, each, { var: 'from' }] })).toEqual(
      reads(['items', 'from']),
    );
    expect(programReads({ some: [{ var: 'a' }, { some: [{ var: 'b' }, { var: 'c' }] }] })).toEqual(
      reads(['a']),
    );
  });

  it('may be the document itself', () => {
    for (const rule of [{ var: '' }, { var: null }, { var: [] }, { missing: [''] }]) {
      expect(programReads({ '!': rule })).toEqual(reads([], true));
    }
  });

  it('may be known at run time only, in a scope as well', () => {
    expect(programReads({ var: { cat: ['a', { var: 'b' }] } })).toEqual(reads(['b'], false, true));
    expect(programReads({ some: [{ var: 'a' }, { var: { var: '' } }] })).toEqual(
      reads(['a'], false, true),
    );
    expect(programReads({ missing: { merge: ['a', 'b'] } })).toEqual(reads([], false, true));
    expect(programReads({ missing: ['a', ['b', 1]] })).toEqual(reads(['a'], false, true));
    expect(programReads({ missing_some: [1, { var: 'keys' }] })).toEqual(
      reads(['keys'], false, true),
    );
  });

  it('includes the arguments of an unknown operation', () => {
    expect(programReads({ method: [{ var: 'a' }, 'x'] })).toEqual(reads(['a']));
  });
});
