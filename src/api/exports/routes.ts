/**
 * routes.ts – `/v1/exports`: the records of one type, as a job.
 */
import { findObjectType, findSegment } from '../../catalog/entries.ts';
import { Problem } from '../../errors.ts';
import type { ExportOrder } from '../../jobs/export-job.ts';
import { named } from '../fields.ts';
import { sendAccepted } from '../jobs/format.ts';
import { route } from '../route.ts';
import { exportBody } from './schemas.ts';

const exportRecords = route({
  method: 'POST',
  path: '/v1/exports/:type',
  need: 'write_catalog',
  summary: 'Export the live records of one type, as a job',
  description:
    'What it writes is fetched at /v1/jobs/:id/result, for a day, and can be imported as it ' +
    'is. CSV has a column for each declared attribute and each key; NDJSON has all that is ' +
    'stored.',
  // Without a body: all records, as NDJSON.
  bodyIsOptional: true,
  body: exportBody,
  answers: { 202: named('Job') },
  refusals: ['body_malformed', 'object_type_unknown', 'segment_unknown', 'body_invalid'],
  handler: async ({ params, body }, { deployment: { store }, jobs }, reply) => {
    const { name } = await findObjectType(store, params.type);
    const { format = 'ndjson', segment } = body;
    if (segment !== undefined) {
      const { object_type: other } = await findSegment(store, segment);
      const detail = `'${segment}' is a segment of ${other}, not of ${name}`;
      if (other !== name) throw new Problem('body_invalid', detail, [{ path: '/segment', detail }]);
    }
    const order: ExportOrder = {
      object_type: name,
      format,
      ...(segment === undefined ? {} : { segment }),
    };
    return sendAccepted(reply, await jobs.add(jobs.newId(), 'export', { ...order }));
  },
});

export const EXPORT_ROUTES = { exportRecords };
