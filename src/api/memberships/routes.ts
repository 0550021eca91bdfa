/**
 * routes.ts – `/v1/memberships`: which of some records are in which of some segments.
 */
import Type from 'typebox';
import { checkRecordId } from '../../change/change.ts';
import { readOptions } from '../read-options.ts';
import { route } from '../route.ts';
import { lookupBody } from './schemas.ts';

/**
 * A thousand ids in a thousand segments make an answer of a million names: few such are made at
 * once.
 */
const LIGHT_PAIRS = 50_000;

const lookupMemberships = route({
  method: 'POST',
  path: '/v1/memberships/lookup',
  need: 'read',
  summary: 'Which of these segments each of these records is in',
  body: lookupBody,
  answers: {
    200: Type.Object(
      { memberships: Type.Record(Type.String(), Type.Array(Type.String())) },
      { examples: [{ memberships: { 'c-17': ['big-spenders'], 'c-18': [] } }] },
    ),
  },
  refusals: [
    'body_malformed',
    'object_type_unknown',
    'segment_unknown',
    'body_invalid',
    'record_id_invalid',
    'segment_building',
    'segment_failed',
    'not_caught_up',
  ],
  handler: async (request, { deployment: { recordSegments }, held }, reply) => {
    const { body } = request;
    const { object_type, ids } = body;
    const segments = [...new Set(body.segments)];
    for (const [at, id] of ids.entries()) checkRecordId(id, `/ids/${at}`);
    const find = async () => ({
      memberships: Object.fromEntries(
        await recordSegments.among(object_type, ids, segments, readOptions(body)),
      ),
    });
    if (ids.length * segments.length <= LIGHT_PAIRS) return find();
    return held.send(request, reply, async () => Buffer.from(JSON.stringify(await find())));
  },
});

export const MEMBERSHIP_ROUTES = { lookupMemberships };
