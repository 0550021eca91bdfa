/**
 * peers.ts – The evaluators that are run in a loop over all segments, by name.
 */

import { LogicEngine } from 'json-logic-engine';
import jsonLogic, { type RulesLogic } from 'json-logic-js';
import type { RuleGroup } from '../data.ts';
import { compileClosure } from './closures.ts';
import type { Test } from './loop.ts';

/** A segment in the two forms that peers take. */
export interface PeerSegment {
  readonly query: RuleGroup;
  readonly jsonLogic: unknown;
}

/** One test a segment. */
export type Evaluator = (segments: readonly PeerSegment[]) => Test[];

export const EVALUATORS: Readonly<Record<string, Evaluator>> = {
  'json-logic-js loop': (segments) =>
    segments.map(({ jsonLogic: rule }) => {
      const logic = rule as RulesLogic;
      return (data) => Boolean(jsonLogic.apply(logic, data));
    }),
  'json-logic-engine compiled loop': (segments) => {
    const engine = new LogicEngine();
    return segments.map(({ jsonLogic: rule }) => {
      const run = engine.build(withStrictGuards(rule)) as (data: unknown) => unknown;
      return (data) => Boolean(run(data));
    });
  },
  'hand closures loop': (segments) => segments.map(({ query }) => compileClosure(query)),
};

/**
 * This engine holds 0 to be equal to null, json-logic-js does not: found by the check against the
 * reference.
 */
function withStrictGuards(rule: unknown): unknown {
  return JSON.parse(JSON.stringify(rule).replaceAll('{"!=":', '{"!==":'));
}
