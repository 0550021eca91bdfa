/**
 * routes.ts – `/v1/audits`: whether all that is stored is what JsonLogic says of every record.
 */
import Type from 'typebox';
import { asOffset, packCursor, readCursor } from '../../cursor.ts';
import { named } from '../fields.ts';
import { LIMIT_DEFAULT, pageOf, pageParameters } from '../page.ts';
import { PageText } from '../page-text.ts';
import { route } from '../route.ts';
import { formatAudit } from './format.ts';
import { auditBody } from './schemas.ts';

const listAudits = route({
  method: 'GET',
  path: '/v1/audits',
  need: 'read',
  summary: 'List audits, the newest first',
  description: 'The last 50, those of the command line among them.',
  query: Type.Object(pageParameters),
  answers: { 200: pageOf(named('Audit')) },
  refusals: ['parameter_invalid', 'cursor_invalid'],
  handler: async (request, { audits, deployment: { limits }, held }, reply) => {
    const { limit = LIMIT_DEFAULT, cursor } = request.query;
    const from = cursor === undefined || cursor === '' ? 0 : readCursor(cursor, asOffset);
    return held.send(request, reply, async () => {
      const text = new PageText(limits.pageBytes);
      const all = await audits.list();
      const page = all.slice(from, from + limit);
      const refused = page.findIndex((audit) => !text.add(formatAudit(audit)));
      const taken = from + (refused < 0 ? page.length : refused);
      return text.end(taken < all.length ? packCursor(taken) : null);
    });
  },
});

const getAudit = route({
  method: 'GET',
  path: '/v1/audits/:audit',
  need: 'read',
  summary: 'Read an audit, and how far it is',
  answers: { 200: named('Audit') },
  refusals: ['audit_unknown'],
  handler: async ({ params: { audit } }, { audits }) => formatAudit(await audits.find(audit)),
});

const beginAudit = route({
  method: 'POST',
  path: '/v1/audits',
  need: 'write_catalog',
  summary: 'Begin an audit, as a job',
  description:
    'Compares all that is stored with JsonLogic over every record, beside live changes. One runs ' +
    'at a time: if one does, that is answered; if it repairs nothing and this one should, ' +
    'the answer is audit_running.',
  bodyIsOptional: true,
  body: auditBody,
  answers: { 202: named('Audit') },
  refusals: ['body_malformed', 'body_invalid', 'audit_running'],
  handler: async ({ body: { repair = false } }, { audits }, reply) => {
    const audit = await audits.begin({ repair, cause: 'request' });
    return reply.code(202).header('location', `/v1/audits/${audit.id}`).send(formatAudit(audit));
  },
});

export const AUDIT_ROUTES = { listAudits, getAudit, beginAudit };
