/**
 * reading.ts – What a filter is read against, from the server: types, segments, the table of
 * operators and the zone.
 */
import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import type { OperatorsShown } from '../../server/answers.ts';
import { infoQuery, operatorsQuery, segmentsQuery, typesQuery } from '../../server/queries.ts';
import type { ReadingContext } from './faults.ts';
import { typesByName } from './fields.ts';

export interface ReadingState {
  /** Undefined until all of it is there, and if there is no such type. */
  readonly context?: ReadingContext | undefined;
  readonly table?: OperatorsShown | undefined;
  readonly isUnknownType: boolean;
  readonly error: unknown;
  readonly retry: () => void;
}

/** @param typeName undefined while it is not known */
export function useReading(typeName: string | undefined): ReadingState {
  const types = useQuery(typesQuery);
  const segments = useQuery(segmentsQuery);
  const operators = useQuery(operatorsQuery);
  const info = useQuery(infoQuery);
  const queries = [types, segments, operators, info];
  // Records are counted and segments built all the time; that says nothing new about filters.
  const shape = types.data && JSON.stringify(types.data.map(({ records: _, ...rest }) => rest));
  const titles = segments.data?.map(({ slug, title, object_type }) => ({
    slug,
    title,
    object_type,
  }));
  const named = titles && JSON.stringify(titles);
  const timeZone = info.data?.time_zone;
  const context = useMemo((): ReadingContext | undefined => {
    if (!shape || !named || !timeZone || typeName === undefined) return undefined;
    const byName = typesByName(JSON.parse(shape));
    const type = byName.get(typeName);
    const known: NonNullable<typeof titles> = JSON.parse(named);
    const bySlug = new Map(known.map((each) => [each.slug, each]));
    return type && { type, types: byName, timeZone, segments: bySlug };
  }, [shape, named, timeZone, typeName]);
  const isUnknownType =
    typeName !== undefined && types.data?.every(({ name }) => name !== typeName) === true;
  return {
    context,
    table: operators.data,
    isUnknownType,
    error: queries.find(({ error, data }) => error && !data)?.error,
    retry: () => {
      for (const each of queries) if (each.error) void each.refetch();
    },
  };
}
