/**
 * row-scan.test.ts – What is scanned out of a stored record is what parsing it gives.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { objectType } from '../../../src/change/object-type.ts';
import { filterableData, packRecord, type RecordRow } from '../../../src/change/record.ts';
import { RowScan } from '../../../src/preview/row-scan.ts';

const type = objectType('things', 3, {
  attributes: {
    text: { type: 'string' },
    number: { type: 'number' },
    flag: { type: 'boolean' },
    list: { type: 'list', of: 'string' },
    object: { type: 'object' },
    at: { type: 'datetime' },
  },
  relationships: {},
});
const scan = new RowScan({
  attributes: type.attributes,
  keys: ['key'],
  revision: 3,
  timeZone: 'UTC',
});

const record = (data: Record<string, unknown>, more: Partial<RecordRow> = {}): RecordRow => ({
  ...{ data, version: 1, createdAt: 1, updatedAt: 2, fits: 3, ...more },
});

const scanned = (row: RecordRow) => scan.read(Buffer.from(packRecord(row)));

const text = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.constantFrom('', '"', '\\', '","text":"x', '{"number":1}', 'CH', 'x'.repeat(50)),
);
const anyData = fc.record(
  {
    undeclared: fc.jsonValue(),
    text,
    'text":': text,
    number: fc.double({ noNaN: true, noDefaultInfinity: true }).map((each) => each + 0),
    other: fc.record({ text, number: fc.nat() }),
    flag: fc.boolean(),
    list: fc.array(text),
    object: fc.dictionary(text, fc.jsonValue()),
    at: fc.constantFrom('2026-01-31T10:30:00.000Z', '2026-01-31'),
    key: fc.oneof(text, fc.array(text)),
  },
  { requiredKeys: [] },
);

describe('a scanned row', () => {
  it('has the values that a parsed one has, whatever stands beside them', () => {
    fc.assert(
      fc.property(anyData, fc.constantFrom(0, 3), (data, fits) => {
        const row = JSON.parse(packRecord(record(data, { fits }))) as { d: RecordRow['data'] };
        const seen = filterableData(record(row.d, { fits }), type, 'UTC');
        const declared = Object.entries(seen).filter(
          ([name, value]) => type.attributes.has(name) && value !== null,
        );
        const key = row.d['key'];
        expect(scanned(record(data, { fits }))).toEqual({
          attributes: Object.fromEntries(declared),
          keys: key === undefined ? {} : { key },
        });
      }),
      { seed: 1, numRuns: 500 },
    );
  });

  it('has the texts of its own, however many were met before', () => {
    for (let n = 0; n < 10_000; n++) {
      const text = `t${(n * 7919) % 5000}`;
      expect(scanned(record({ text }))!.attributes).toEqual({ text });
    }
  });

  it('of a record that is archived or deleted is none', () => {
    expect(scanned(record({ text: 'a' }, { archivedAt: 5 }))).toBeUndefined();
    expect(scanned(record({}, { deletedAt: 5 }))).toBeUndefined();
  });

  it.each([
    ['written with blanks', ' {"v": 1, "c":1,"u":1,"r": 3, "d": {"text" : "a", "x": {}}} ', 'a'],
    ['with members in another order', '{"d":{"text":"a"},"r":3,"v":1}', 'a'],
    ['that is archived, as it turns out', '{"r":3,"d": {"text":"a"},"a":7}', undefined],
    ['that is no record', '[1]', undefined],
    ['that is no JSON', '{"v":1,', undefined],
    ['without anything', '', undefined],
  ])('%s is parsed', (_, row, expected) => {
    expect(scan.read(Buffer.from(row))?.attributes['text']).toBe(expected);
  });
});
