/**
 * routes.ts – `GET /v1/operators`: what the rules of a filter can say, for those who build an
 * editor of them.
 */
import { listOperators } from '../../query/dialects/operator-list.ts';
import { answers } from '../answers.ts';
import { named } from '../fields.ts';
import type { Routes } from '../route.ts';

export const operatorRoutes: Routes = async (app) => {
  app.get(
    '/v1/operators',
    {
      schema: {
        summary: 'The operators of rules, by the type of the attribute',
        description:
          'With the words for a person and the form of the value, and what else a rule can say.',
        operationId: 'listOperators',
        response: answers({ 200: named('Operators') }),
      },
    },
    async () => listOperators(),
  );
};
