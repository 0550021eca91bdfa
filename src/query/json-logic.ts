/**
 * json-logic.ts – A predicate written out as JsonLogic: what is stored beside a segment, shown, and given to the reference.
 *
 * Keeps true: what is written is an object with one key and has the predicate's truth for every record, and read again as a
 * query (raw-json-logic.ts) it has the same key.
 */
import { atomJsonLogic } from './atom.ts';
import type { Predicate } from './predicate.ts';
import { and, not, or } from './predicate.ts';

/** A part of a query in both of its forms. Its JsonLogic need not be what `predicateJsonLogic` writes: a segment's may be its own. */
export interface Meaning {
  readonly predicate: Predicate;
  readonly jsonLogic: unknown;
}

/** Writes a predicate as JsonLogic. */
export function predicateJsonLogic(predicate: Predicate): unknown {
  switch (predicate.kind) {
    case 'and':
    case 'or':
      return groupLogic(predicate.kind, predicate.children.map(predicateJsonLogic));
    case 'not':
      return { '!': [predicateJsonLogic(predicate.child)] };
    default:
      return atomJsonLogic(predicate);
  }
}

/** A predicate with the JsonLogic that it is written as. */
export function meaning(predicate: Predicate): Meaning {
  return { predicate, jsonLogic: predicateJsonLogic(predicate) };
}

/** The parts joined: an `and` of none holds always, an `or` of none never. */
export function joined(kind: 'and' | 'or', parts: readonly Meaning[]): Meaning {
  const predicates = parts.map(({ predicate }) => predicate);
  return {
    predicate: kind === 'and' ? and(predicates) : or(predicates),
    jsonLogic: groupLogic(
      kind,
      parts.map(({ jsonLogic }) => jsonLogic),
    ),
  };
}

/** The exact complement. */
export function negated({ predicate, jsonLogic }: Meaning): Meaning {
  return { predicate: not(predicate), jsonLogic: { '!': [jsonLogic] } };
}

/** JsonLogic's `and` and `or` of nothing are both falsy, so the empty ones get a constant. */
function groupLogic(kind: 'and' | 'or', children: readonly unknown[]): unknown {
  return { [kind]: children.length > 0 ? children : [kind === 'and'] };
}
