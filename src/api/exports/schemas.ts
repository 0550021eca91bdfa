/**
 * schemas.ts – What an export takes.
 */
import Type from 'typebox';

export const exportBody = Type.Object(
  {
    format: Type.Optional(Type.Enum(['ndjson', 'csv'], { default: 'ndjson' })),
    segment: Type.Optional(Type.String({ description: 'Only the members of this segment.' })),
  },
  { additionalProperties: false, examples: [{ format: 'csv', segment: 'big-spenders' }] },
);
