/**
 * routes.ts – Why a record is in a segment, or would be in one: `…/explain`.
 */
import Type from 'typebox';
import { checkRecordId } from '../../change/change.ts';
import { readOperand } from '../../change/value.ts';
import { type ErrorCode, Problem } from '../../errors.ts';
import { named } from '../fields.ts';
import { readOptions } from '../read-options.ts';
import { route } from '../route.ts';
import { formatExplanation } from './format.ts';
import { explainBody, explainParameters } from './schemas.ts';

const CODES: ErrorCode[] = [
  'parameter_invalid',
  'record_id_invalid',
  'query_too_costly',
  'relationship_building',
  'segment_building',
  'not_caught_up',
];

const explainMember = route({
  method: 'GET',
  path: '/v1/segments/:slug/explain/:id',
  need: 'read',
  summary: 'Why a record is in a segment, or why not',
  description:
    'Also of records that are archived or do not exist. The verdict is worked out anew and ' +
    'compared with what is stored.',
  query: Type.Object(explainParameters),
  answers: { 200: named('Explanation') },
  refusals: [...CODES, 'segment_unknown', 'segment_failed'],
  handler: async ({ params: { slug, id }, query }, { deployment }) => {
    checkRecordId(id);
    const { explain, founding } = deployment;
    const at = momentOf(query.at, founding.timeZone, 'parameter_invalid');
    return formatExplanation(await explain.segment(slug, id, at, readOptions(query)));
  },
});

const explainQuery = route({
  method: 'POST',
  path: '/v1/segments/explain',
  need: 'read',
  summary: 'Whether a record satisfies a query that is not saved, and why',
  body: explainBody,
  answers: { 200: named('Explanation') },
  refusals: [...CODES, 'body_malformed', 'body_invalid', 'object_type_unknown', 'query_invalid'],
  handler: async ({ body }, { deployment }) => {
    const { id, query, object_type: objectType } = body;
    checkRecordId(id);
    const { explain, founding } = deployment;
    const at = momentOf(body.at, founding.timeZone, 'body_invalid');
    return formatExplanation(await explain.query({ objectType, query }, id, at, readOptions(body)));
  },
});

export const EXPLAIN_ROUTES = { explainMember, explainQuery };

/** @throws Problem of the code, if it is no moment */
function momentOf(
  given: string | undefined,
  timeZone: string,
  code: ErrorCode,
): number | undefined {
  if (given === undefined) return undefined;
  const moment = readOperand('datetime', given, timeZone);
  if (typeof moment === 'string') return Date.parse(moment);
  const detail = '`at` is a moment, such as 2027-01-04T09:00:00Z';
  throw new Problem(code, detail, [{ path: '/at', detail }]);
}
