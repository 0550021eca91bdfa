/**
 * reference.ts – The oracle: what JsonLogic itself says of a document.
 *
 * Keeps true: it is json-logic-js and nothing of ours. It imports no other file of this project, and the added operations are
 * written here a second time, so that a mistake of the fast path can not hide in both.
 */

import jsonLogic, { type RulesLogic } from 'json-logic-js';

const lowered = (value: unknown) => (typeof value === 'string' ? value.toLowerCase() : value);

// `add_operation` is global to the process: whoever imports this file has these three in json-logic-js.
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

/** Whether the rule is truthy of the document. What json-logic-js throws is thrown on. */
export function holds(rule: unknown, document: unknown): boolean {
  return jsonLogic.truthy(jsonLogic.apply(rule as RulesLogic, document));
}
