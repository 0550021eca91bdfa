/**
 * object-types.ts – `/v1/object-types`: what records may hold.
 */
import Type from 'typebox';
import { findObjectType } from '../catalog-entries.ts';
import { formatObjectType } from '../format.ts';
import { pageByName } from '../named-pages.ts';
import { answers, NO_CONTENT, named, pageOf, pageParameters, path } from '../schemas.ts';
import type { Routes } from './routes.ts';

export const objectTypeRoutes: Routes = async (app, { deployment: { objectTypes, store } }) => {
  app.get(
    '/v1/object-types',
    {
      schema: {
        summary: 'List object types',
        operationId: 'listObjectTypes',
        querystring: Type.Object(pageParameters),
        response: answers({ 200: pageOf(named('ObjectType')) }, 'parameter_invalid', 'cursor_invalid'),
      },
    },
    async ({ query }) => {
      const { data, next_cursor } = pageByName((await store.refresh()).objectTypes, query);
      return { data: data.map(formatObjectType), next_cursor };
    },
  );

  app.get(
    '/v1/object-types/:name',
    {
      schema: {
        summary: 'Read an object type',
        operationId: 'getObjectType',
        params: path('name'),
        response: answers({ 200: named('ObjectType') }, 'object_type_unknown'),
      },
    },
    async ({ params: { name } }) => formatObjectType(await findObjectType(store, name)),
  );

  app.put(
    '/v1/object-types/:name',
    {
      schema: {
        summary: 'Declare an object type, or change it',
        operationId: 'putObjectType',
        params: path('name'),
        body: named('ObjectTypeDefinition'),
        response: answers(
          { 200: named('ObjectType'), 201: named('ObjectType') },
          'body_malformed',
          'object_type_in_use',
          'catalog_conflict',
          'object_type_invalid',
        ),
      },
    },
    async ({ params: { name }, body }, reply) => {
      const { type, created } = await objectTypes.put(name, body);
      return reply.code(created ? 201 : 200).send(formatObjectType(type));
    },
  );

  app.delete(
    '/v1/object-types/:name',
    {
      schema: {
        summary: 'Delete an object type that nothing uses',
        operationId: 'deleteObjectType',
        params: path('name'),
        response: answers(
          { 204: NO_CONTENT },
          'object_type_unknown',
          'object_type_in_use',
          'catalog_conflict',
          'not_caught_up',
        ),
      },
    },
    async ({ params: { name } }, reply) => {
      await objectTypes.remove(name);
      return reply.code(204).send();
    },
  );
};
