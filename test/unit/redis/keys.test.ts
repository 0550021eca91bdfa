/**
 * keys.test.ts – The table of keys lists what the classes beside it build, and nothing else; fields
 * of meta can be told apart.
 */
import { expect, it } from 'vitest';
import { KEY_TABLE, Keys } from '../../../src/redis/keys.ts';
import { META_FIELDS } from '../../../src/redis/partition-meta.ts';

/** All names that an object holds, or its methods make. */
function namesOf(keys: object): string[] {
  const prototype = Object.getPrototypeOf(keys) as object;
  const made = Object.getOwnPropertyNames(prototype).flatMap((name) => {
    if (name === 'constructor') return [];
    const value = (keys as Record<string, unknown>)[name];
    const result = typeof value === 'function' ? (value.call(keys, 'x', 'y') as unknown) : value;
    return typeof result === 'object' ? Object.values(result as object) : [result];
  });
  return [...Object.values(keys), ...made].filter((each) => typeof each === 'string');
}

const asPattern = (name: string) => {
  const literal = name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${literal.replace('\\{p\\}', '\\{0\\}').replace(/<[^>]+>/g, '[^:]+')}$`);
};

it('every key has one row, and every row a key', () => {
  const { partitions, catalog, webhooks, ...rest } = new Keys('rc', 1);
  expect(Object.keys(rest)).toEqual(['prefix']);
  const [partition] = partitions;
  const job = new Keys('rc', 1).job('1');
  const notKeys = [partition!.base, catalog.base, webhooks.queuePrefix];
  const all = [partition!, catalog, webhooks, job].flatMap(namesOf);
  const names = all.filter((name) => !notKeys.includes(name));
  expect(names.length).toBeGreaterThan(40);
  const found = new Set<string>();
  for (const name of names) {
    const rows = KEY_TABLE.filter((row) => asPattern(row.name).test(name));
    expect(rows, name).toHaveLength(1);
    found.add(rows[0]!.name);
  }
  expect(KEY_TABLE.map(({ name }) => name).filter((name) => !found.has(name))).toEqual([]);
});

it('fields of meta have different names, and no field is of two families', () => {
  const names = Object.values(META_FIELDS).map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  const families = names.filter((name) => name.endsWith(':'));
  for (const family of families)
    expect(names.filter((name) => name.startsWith(family))).toEqual([family]);
});
