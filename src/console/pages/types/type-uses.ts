/**
 * type-uses.ts – Which segments and views are of a type.
 */
import type { ViewShown } from '../../server/answers.ts';
import type { ListedSegment } from '../../server/queries.ts';

export interface TypeUses {
  readonly segments: readonly ListedSegment[];
  readonly views: readonly ViewShown[];
}

export function usesOfType(
  type: string,
  segments: readonly ListedSegment[],
  views: readonly ViewShown[],
): TypeUses {
  return {
    segments: segments.filter(({ object_type }) => object_type === type),
    views: views.filter(({ object_type }) => object_type === type),
  };
}
