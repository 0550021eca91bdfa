/**
 * logic.ts – JsonLogic as it would be written by hand: `age > 30 and country in ["US", "CA"]`.
 *
 * Keeps true: it says what is there and simplifies nothing. An operation that has no sign of its
 * own is written as a call. The text is bounded, however large the rule.
 */
import { isLogic, operationOf } from '../json-logic/json-logic-program.ts';
import { shortened } from './names.ts';

const TEXT_MAX = 300;
const DEPTH_MAX = 12;

/** The sign between two arguments. */
const SIGNS: Readonly<Record<string, string>> = {
  '==': '=',
  '===': '=',
  '!=': '≠',
  '!==': '≠',
  '<': '<',
  '<=': '≤',
  '>': '>',
  '>=': '≥',
  and: 'and',
  or: 'or',
  in: 'in',
  '+': '+',
  '-': '−',
  '*': '×',
  '/': '÷',
  '%': 'mod',
};

export function logicInWords(rule: unknown): string {
  return shortened(written(rule, 0), TEXT_MAX);
}

function written(rule: unknown, depth: number): string {
  if (depth > DEPTH_MAX) return '…';
  if (Array.isArray(rule)) return `[${some(rule, depth).join(', ')}]`;
  if (!isLogic(rule)) return shortened(JSON.stringify(rule) ?? 'nothing', 60);
  const [name, args] = operationOf(rule);
  if (name === 'var') return args[0] === '' || args.length === 0 ? 'it' : String(args[0]);
  const parts = some(args, depth);
  if (name === '!' && parts.length === 1) return `not (${parts[0]})`;
  if (name === '!!' && parts.length === 1) return parts[0]!;
  const sign = SIGNS[name];
  if (sign === undefined || parts.length < 2) return `${name}(${parts.join(', ')})`;
  const joined = parts.join(` ${sign} `);
  return depth > 0 && (sign === 'and' || sign === 'or') ? `(${joined})` : joined;
}

/** Of a long list the first ones. */
function some(items: readonly unknown[], depth: number): string[] {
  const shown = items.slice(0, 20).map((each) => written(each, depth + 1));
  return items.length > 20 ? [...shown, '…'] : shown;
}
