/**
 * reference.ts – The oracle: what JsonLogic itself says of a document.
 *
 * Keeps true: it is json-logic-js and nothing of ours. It imports no other file of this project, and the added operations are
 * written here a second time, so that a mistake of the fast path can not hide in both.
 */

import jsonLogic, { type RulesLogic } from 'json-logic-js';

const lowered = (value: unknown) => (typeof value === 'string' ? value.toLowerCase() : value);

// `add_operation` is global to the process: whoever imports this file has these in json-logic-js.
jsonLogic.add_operation('startsWith', (value: unknown, needle: unknown) =>
  typeof value === 'string' && typeof needle === 'string' ? value.slice(0, needle.length) === needle : false,
);
jsonLogic.add_operation('endsWith', (value: unknown, needle: unknown) =>
  typeof value === 'string' && typeof needle === 'string'
    ? needle.length <= value.length && value.slice(value.length - needle.length) === needle
    : false,
);
jsonLogic.add_operation('toLowerCase', (value: unknown) =>
  Array.isArray(value) ? value.map((item) => lowered(item)) : lowered(value),
);

const numbers = (list: unknown): number[] =>
  Array.isArray(list) ? list.filter((value) => typeof value === 'number' && Number.isFinite(value)) : [];

/** The decimal that is printed for the number, in millionths, rounded half away from zero. */
function millionths(value: number): bigint {
  const [, sign, lead, decimals = '', exponent] = /^(-?)(\d)(?:\.(\d+))?e([+-]\d+)$/.exec(value.toExponential())!;
  const power = Number(exponent) - decimals.length + 6;
  const digits = BigInt(`${lead}${decimals}`) * 10n ** BigInt(Math.max(power, 0));
  const divisor = 10n ** BigInt(Math.max(-power, 0));
  const rounded = (2n * digits + divisor) / (2n * divisor);
  return sign === '-' ? -rounded : rounded;
}

function exactSum(values: readonly number[]): number {
  const total = values.map(millionths).reduce((a, b) => a + b, 0n);
  return Number(`${total}e-6`);
}

jsonLogic.add_operation('sum', (list: unknown) => exactSum(numbers(list)));
jsonLogic.add_operation('avg', (list: unknown) =>
  numbers(list).length > 0 ? exactSum(numbers(list)) / numbers(list).length : undefined,
);
jsonLogic.add_operation('minimum', (list: unknown) => numbers(list).sort((a, b) => a - b)[0]);
jsonLogic.add_operation('maximum', (list: unknown) => numbers(list).sort((a, b) => b - a)[0]);

/** Whether the rule is truthy of the document. What json-logic-js throws is thrown on. */
export function holds(rule: unknown, document: unknown): boolean {
  return jsonLogic.truthy(jsonLogic.apply(rule as RulesLogic, document));
}
