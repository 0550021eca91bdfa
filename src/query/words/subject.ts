/**
 * subject.ts – What a rule is about: the steps that its field takes, and the attribute at their
 * end.
 *
 * Keeps true: it reads a field as the rule reader does (dialects/rule.ts). Of a field that the
 * catalog does not know any more, it says as much as it knows.
 */
import type { Attribute, ObjectType } from '../../change/object-type.ts';
import type { FilterRule } from '../dialects/filter-tree.ts';
import { type Hop, hopNamed, type TypesByName } from '../predicate/relationships.ts';

export interface RuleSubject {
  readonly hops: readonly Hop[];
  /** The type of the records at their end. */
  readonly type: ObjectType;
  /** The attribute there: none, if the rule is about the records themselves. */
  readonly own?: string;
  readonly attribute?: Attribute | undefined;
}

/** The subject of a rule about records of the type. */
export function subjectOf({ rule }: FilterRule, type: ObjectType, types: TypesByName): RuleSubject {
  const field = typeof rule.field === 'string' ? rule.field : '';
  const hops: Hop[] = [];
  let there = type;
  const names = field === '' ? [] : field.split('.');
  for (const [at, name] of names.entries()) {
    const hop = hopNamed(there, name, types);
    const target = hop && types.get(hop.target);
    if (!hop || !target) {
      const own = names.slice(at).join('.');
      return { hops, type: there, own, attribute: there.attributes.get(own) };
    }
    hops.push(hop);
    there = target;
  }
  return { hops, type: there };
}

/** The steps before the first one that leads to many, that one, and those after it. */
export function atFirstMany(hops: readonly Hop[]): {
  readonly before: readonly Hop[];
  readonly many: Hop | undefined;
  readonly after: readonly Hop[];
} {
  const at = hops.findIndex(({ many }) => many);
  if (at < 0) return { before: hops, many: undefined, after: [] };
  return { before: hops.slice(0, at), many: hops[at], after: hops.slice(at + 1) };
}
