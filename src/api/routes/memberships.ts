/**
 * memberships.ts – `/v1/memberships`: which of some records are in which of some segments.
 */
import Type from 'typebox';
import { checkRecordId } from '../../change/change.ts';
import { readOptions } from '../read-options.ts';
import { answers, lookupBody } from '../schemas.ts';
import type { Routes } from './routes.ts';

export const membershipRoutes: Routes = async (app, { deployment: { memberships } }) => {
  app.post(
    '/v1/memberships/lookup',
    {
      schema: {
        summary: 'Which of these segments each of these records is in',
        operationId: 'lookupMemberships',
        body: lookupBody,
        response: answers(
          {
            200: Type.Object(
              { memberships: Type.Record(Type.String(), Type.Array(Type.String())) },
              { examples: [{ memberships: { 'c-17': ['big-spenders'], 'c-18': [] } }] },
            ),
          },
          'body_malformed',
          'object_type_unknown',
          'segment_unknown',
          'body_invalid',
          'record_id_invalid',
          'segment_building',
          'segment_failed',
          'not_caught_up',
        ),
      },
    },
    async ({ body }) => {
      const { object_type, ids, segments } = body;
      for (const [at, id] of ids.entries()) checkRecordId(id, `/ids/${at}`);
      return {
        memberships: Object.fromEntries(await memberships.lookup(object_type, ids, segments, readOptions(body))),
      };
    },
  );
};
