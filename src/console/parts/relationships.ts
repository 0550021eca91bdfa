/**
 * relationships.ts – Where the relationships of a type lead: its own, and those of other types that
 * lead to it.
 */
import type { TypeShown } from '../server/answers.ts';

export interface RelationshipShown {
  readonly name: string;
  readonly to: string;
  readonly isMany: boolean;
  /** Of one of its own: the member of a record that holds the id, or the ids. */
  readonly key?: string;
}

/** Where a relationship leads: the type's own, or another's that leads here. */
export function targetOf(
  type: TypeShown | undefined,
  name: string,
  types: readonly TypeShown[],
): TypeShown | undefined {
  if (!type) return undefined;
  const own = type.relationships[name]?.to;
  if (own !== undefined) return types.find((each) => each.name === own);
  return types.find(({ relationships }) =>
    Object.values(relationships).some(({ to, inverse }) => to === type.name && inverse === name),
  );
}

/** All of a type: first its own, then the ways back to it. */
export function relationshipsOf(
  type: TypeShown,
  types: readonly TypeShown[],
): readonly RelationshipShown[] {
  const own = Object.entries(type.relationships).map(([name, { to, key, cardinality }]) => ({
    name,
    to,
    key,
    isMany: cardinality === 'many',
  }));
  const back = types.flatMap(({ name: to, relationships }) =>
    Object.values(relationships)
      .filter((each) => each.to === type.name)
      .map(({ inverse: name }) => ({ name, to, isMany: true })),
  );
  return [...own, ...back];
}
