/**
 * routes.ts – `GET /v1/operators`: what the rules of a filter can say, for those who build an
 * editor of them.
 */
import { listOperators } from '../../query/dialects/operator-list.ts';
import { named } from '../fields.ts';
import { route } from '../route.ts';

const operatorList = route({
  method: 'GET',
  path: '/v1/operators',
  need: 'read',
  summary: 'The operators of rules, by the type of the attribute',
  description:
    'With the words for a person and the form of the value, and what else a rule can say.',
  answers: { 200: named('Operators') },
  handler: async () => listOperators(),
});

export const OPERATOR_ROUTES = { listOperators: operatorList };
