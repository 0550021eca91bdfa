/**
 * format.ts – Object types as they are answered.
 */
import { type ObjectType, objectTypeDefinition } from '../../change/object-type.ts';

export function formatObjectType(type: ObjectType): Record<string, unknown> {
  return { name: type.name, ...objectTypeDefinition(type) };
}
