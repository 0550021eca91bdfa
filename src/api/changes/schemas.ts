/**
 * schemas.ts – Changes as they are sent, and the report on them.
 */
import Type, { type TSchema } from 'typebox';
import { OPERATIONS } from '../../change/change.ts';
import { dataExample } from '../examples.ts';
import { named, recordId, typeName } from '../fields.ts';
import { sourceVersion } from '../write-options.ts';

export const CHANGE_SCHEMAS: readonly TSchema[] = [
  Type.Object(
    {
      op: Type.Enum([...OPERATIONS]),
      object_type: typeName,
      id: recordId,
      data: Type.Optional(named('Attributes')),
      source_version: sourceVersion,
    },
    {
      $id: 'Change',
      additionalProperties: false,
      examples: [{ op: 'patch', object_type: 'contacts', id: 'c-17', data: { age: 37 } }],
    },
  ),
  Type.Array(named('Change'), {
    $id: 'Changes',
    examples: [
      [
        { op: 'put', object_type: 'contacts', id: 'c-17', data: dataExample },
        { op: 'patch', object_type: 'contacts', id: 'c-17', data: { age: 37 } },
      ],
    ],
  }),
  Type.Object(
    {
      accepted: Type.Integer({
        description: 'Changes that are in the log; older ones that were ignored included.',
      }),
      rejected: Type.Array(
        Type.Object({
          line: Type.Integer({
            minimum: 1,
            description: 'Line of the body, blank ones counted; in an array index + 1.',
          }),
          code: Type.String({ description: 'As in problem documents.' }),
          detail: Type.String(),
          path: Type.Optional(Type.String({ description: 'JSON pointer into the change.' })),
        }),
        { description: 'In the order of their lines; at most the first 10000.' },
      ),
      rejected_total: Type.Optional(
        Type.Integer({ description: 'All rejected lines, if more than are listed.' }),
      ),
      position: Type.String({ description: 'Names the end of what was accepted in the logs.' }),
    },
    {
      $id: 'ChangesReport',
      examples: [
        {
          accepted: 2,
          rejected: [
            {
              line: 3,
              code: 'attribute_invalid',
              detail: "'age' must be a finite number",
              path: '/data/age',
            },
          ],
          position: 'W1swLCIxNzAwMC0wIl1d',
        },
      ],
    },
  ),
];
