/**
 * times.ts – Times as they are answered and described: ISO 8601 in UTC.
 */
import Type from 'typebox';

export const time = (description: string) =>
  Type.String({ format: 'date-time', description, examples: ['2026-01-31T09:30:00.000Z'] });

export const timeOrNull = (description: string) => Type.Union([time(description), Type.Null()]);

export function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}

export function isoTimeOrNull(ms: number | undefined): string | null {
  return ms === undefined ? null : isoTime(ms);
}
