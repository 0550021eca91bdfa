/**
 * neighbours.ts – Rules of JsonLogic that read one neighbour of the record, or several records at
 * once.
 *
 * Keeps true: a rule whose paths all lead over one relationship to one becomes a condition on the
 * record there. A rule that would need several records at once is refused, with the reason.
 */
import {
  isLogic,
  operationOf,
  programReads,
  renamePaths,
} from '../../json-logic/json-logic-program.ts';
import { MEASURES_IN_WORDS } from '../../predicate/measures.ts';
import { ALWAYS, NEVER, not, type Predicate } from '../../predicate/predicate.ts';
import { edgeOver, hopNamed, isTrue, throughHop } from '../../predicate/relationships.ts';
import { describeHop, fault } from '../scope.ts';
import { copyPointer } from './check.ts';
import type { PartContext } from './part-context.ts';
import { type Args, CHOICES, OVER_ITEMS } from './shapes.ts';

/**
 * A rule whose every path leads over one relationship to one is a condition on the record there: on
 * nothing, if there is none.
 */
export function atNeighbour(
  rule: Readonly<Record<string, unknown>>,
  here: PartContext,
): Predicate | undefined {
  const { paths } = programReads(rule);
  const [first = ''] = paths[0]?.split('.') ?? [];
  if (paths.length === 0 || !paths.every((path) => path.startsWith(`${first}.`))) return undefined;
  const hop = hopNamed(here.type, first, here.reading.scope.types);
  const type = hop && here.reading.scope.types.get(hop.target);
  if (!type || hop.many || namesKeys(rule)) return undefined;
  const there = renamePaths(
    rule,
    (path) => path.slice(first.length + 1),
    (from, to) => copyPointer(here.pointers, from, to),
  );
  return throughHop(hop, here.truthOf(there, { ...here, type }));
}

/**
 * `missing` gives the names of keys as values: within a rule, other names are other values; by
 * itself only whether there are any counts.
 */
function namesKeys(rule: Readonly<Record<string, unknown>>): boolean {
  return !NAMES_KEYS.has(operationOf(rule)[0]) && mentionsKeys(rule);
}

const NAMES_KEYS = new Set(['missing', 'missing_some']);

function mentionsKeys(rule: unknown): boolean {
  if (Array.isArray(rule)) return rule.some(mentionsKeys);
  if (!isLogic(rule)) return false;
  const [name, args] = operationOf(rule);
  if (NAMES_KEYS.has(name)) return true;
  return args.some((arg, index) => !(OVER_ITEMS.has(name) && index === 1) && mentionsKeys(arg));
}

/** Notes why a rule that reads several records at once, or a list of them, is not taken. */
export function refuse(
  rule: Readonly<Record<string, unknown>>,
  paths: readonly string[],
  here: PartContext,
): Predicate {
  const isChoice = CHOICES.has(operationOf(rule)[0]);
  const why = isChoice
    ? CHOICE_IN_CHOICE
    : mentionsKeys(rule)
      ? KEYS_AS_VALUES
      : whyRefused(paths, here);
  fault(here.reading, here.pointers.get(rule) ?? here.root, why);
  return NEVER;
}

const KEYS_AS_VALUES =
  `'missing' gives back the names of its keys, which can only be counted as there or not ` +
  `where they lead to other records`;

const CHOICE_IN_CHOICE =
  `a condition that holds an 'if' itself can't look at other records: write it with and, ` +
  `or and !`;

/**
 * Why a computation over these paths, some of which lead to neighbours, can't be kept as they
 * change.
 */
function whyRefused(paths: readonly string[], { type, reading }: PartContext): string {
  const { types } = reading.scope;
  for (const path of paths) {
    const [first = '', ...deeper] = path.split('.');
    const hop = hopNamed(type, first, types);
    if (!hop) continue;
    if (hop.many) return `${describeHop(hop, type)}: ${MANY_CAN}`;
    if (deeper.length === 0)
      return `${describeHop(hop, type)}: ask whether it is there, or name an attribute of it`;
  }
  const named = paths.map((path) => `'${path}'`).join(', ');
  return (
    `${named} are of more than one record, ` +
    `and a value that is computed from several can't be kept`
  );
}

const MANY_CAN =
  `they can be asked with some, all or none, and their ${MEASURES_IN_WORDS} can be ` +
  `compared with numbers`;

/**
 * Whether there is a neighbour, where the path leads to one; whether there are any, where it leads
 * to many.
 */
export function existenceOf(args: Args, here: PartContext): Predicate | undefined {
  const [path] = args;
  const hop =
    args.length === 1 ? hopNamed(here.type, String(path), here.reading.scope.types) : undefined;
  if (!hop) return undefined;
  return hop.many ? throughHop(hop, ALWAYS) : edgeOver(hop, { kind: 'exists' }, ALWAYS, isTrue);
}

/** A neighbour compared with null. */
export function absenceOf(args: Args, here: PartContext): Predicate | undefined {
  const [left, right] = args;
  const rule = left === null ? right : left;
  if (args.length !== 2 || !(left === null || right === null) || !isLogic(rule)) return undefined;
  const [name, path] = operationOf(rule);
  const hop = name === 'var' && hopNamed(here.type, String(path[0]), here.reading.scope.types);
  const exists = hop && !hop.many ? existenceOf(path, here) : undefined;
  return exists && not(exists);
}
