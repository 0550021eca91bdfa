/**
 * schemas.ts – What a lookup of memberships takes.
 */
import Type from 'typebox';
import { typeName } from '../fields.ts';
import { readParameters } from '../read-options.ts';
import { SLUGS_MAX } from '../segments/schemas.ts';

const LOOKUP_IDS_MAX = 10_000;

export const lookupBody = Type.Object(
  {
    object_type: typeName,
    ids: Type.Array(Type.String(), {
      maxItems: LOOKUP_IDS_MAX,
      description: 'Ids of records; unknown ones are in no segment.',
    }),
    segments: Type.Array(Type.String(), {
      maxItems: SLUGS_MAX,
      description: 'Slugs of segments of this object type.',
    }),
    ...readParameters,
  },
  {
    additionalProperties: false,
    examples: [{ object_type: 'contacts', ids: ['c-17', 'c-18'], segments: ['big-spenders'] }],
  },
);
