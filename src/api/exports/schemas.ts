/**
 * schemas.ts – What an export takes.
 */

import Type from 'typebox';
import { FILE_FORMATS } from '../../jobs/file-format.ts';

export const exportBody = Type.Object(
  {
    format: Type.Optional(Type.Enum([...FILE_FORMATS], { default: 'ndjson' })),
    segment: Type.Optional(Type.String({ description: 'Only the members of this segment.' })),
  },
  { additionalProperties: false, examples: [{ format: 'csv', segment: 'big-spenders' }] },
);
