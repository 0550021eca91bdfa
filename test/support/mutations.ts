/**
 * mutations.ts – What a client with a fault, or with ill will, might send in place of a body that
 * is right.
 */

/**
 * JSON values that code tends to trip over: of every type, with members that shadow those of
 * objects, with ill-formed text.
 */
const ODD_VALUES: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1.5,
  1e308,
  2 ** 53,
  '',
  ' ',
  'x',
  '\u0000',
  '\ud801',
  'a'.repeat(300),
  '__proto__',
  'constructor',
  'toString',
  [],
  [null],
  [[]],
  ['x', 'x'],
  {},
  { a: 1 },
  { toString: 1 },
  [{ toString: 1 }],
  { length: 5 },
  JSON.parse('{"__proto__":1}'),
  { rules: [null] },
  { and: null },
  { var: [[[]]] },
  { var: { toString: 1 } },
];

/**
 * The body with one value replaced by an odd one, left out, doubled, or joined by a member that is
 * not known, at each place.
 */
export function* mutations(body: unknown): Generator<unknown> {
  yield* ODD_VALUES;
  if (typeof body !== 'object' || body === null) return;
  for (const key of Object.keys(body)) {
    for (const value of mutations(body[key as keyof typeof body]))
      yield changed(body, (copy) => set(copy, key, value));
    yield changed(body, (copy) =>
      Array.isArray(copy) ? copy.push(copy[Number(key)]) : set(copy, `${key}x`, 1),
    );
    yield changed(body, (copy) =>
      Array.isArray(copy) ? copy.splice(Number(key), 1) : delete (copy as never)[key],
    );
  }
  if (Array.isArray(body)) return;
  for (const member of ['aggregate', 'match', 'where', 'valueSource', '__proto__', 'toString'])
    yield changed(body, (copy) => set(copy, member, { toString: 1 }));
}

function changed(body: object, change: (copy: object) => unknown): unknown {
  const copy = structuredClone(body);
  change(copy);
  return copy;
}

/** Also `__proto__`, as `JSON.parse` does. */
function set(object: object, key: string, value: unknown): void {
  Object.defineProperty(object, key, {
    value,
    enumerable: true,
    configurable: true,
    writable: true,
  });
}
