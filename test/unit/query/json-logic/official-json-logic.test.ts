/**
 * official-json-logic.test.ts – The official JsonLogic cases. They are not part of this repository;
 * without them the suite says so.
 *
 * ROLLCALL_JSONLOGIC_CASES names their file: `{cases: [{section, rule, data, result}]}`, where
 * absent data is null.
 */

import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { compileProgram, truthy } from '../../../../src/query/json-logic/json-logic-program.ts';
import { holds } from '../../../../src/query/json-logic/reference.ts';

interface OfficialCase {
  readonly section: string;
  readonly rule: unknown;
  readonly data: unknown;
  readonly result: unknown;
}

const CASES_COUNT = 278;
const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const FILE = process.env.ROLLCALL_JSONLOGIC_CASES ?? `${ROOT}../shared/data/jsonlogic-tests.json`;

if (existsSync(FILE)) compareWith(readCases());
else it.skip(`the official JsonLogic cases did not run: there is no file ${FILE}`, () => undefined);

function readCases(): readonly OfficialCase[] {
  return (JSON.parse(readFileSync(FILE, 'utf8')) as { cases: OfficialCase[] }).cases;
}

function compareWith(cases: readonly OfficialCase[]): void {
  it(`there are ${CASES_COUNT} official cases`, () => expect(cases).toHaveLength(CASES_COUNT));

  for (const section of new Set(cases.map((one) => one.section))) {
    describe(`official: ${section}`, () =>
      cases.filter((one) => one.section === section).forEach(compare));
  }
}

function compare({ rule, data, result }: OfficialCase, index: number): void {
  it(`${index + 1}: ${JSON.stringify(rule)} of ${JSON.stringify(data)} is ${JSON.stringify(result)}`, () => {
    const value = compileProgram(rule)(data);
    expect(value).toEqual(result);
    expect(truthy(value)).toBe(holds(rule, data));
  });
}
