/**
 * routes.ts – `/v1/object-types`: what records may hold.
 */
import Type from 'typebox';
import { findObjectType } from '../../catalog/entries.ts';
import type { ObjectType } from '../../change/object-type.ts';
import { inverseRelationships } from '../../query/predicate/relationships.ts';
import { answers, NO_CONTENT } from '../answers.ts';
import { named } from '../fields.ts';
import { fieldsOf, pageByName } from '../named-pages.ts';
import { fieldsParameter, pageOfFields, pageParameters } from '../page.ts';
import type { Routes } from '../route.ts';
import { path } from '../route.ts';
import { formatObjectType } from './format.ts';
import { objectTypeForm } from './schemas.ts';

const OBJECT_TYPE_FIELDS = ['name', 'attributes', 'relationships', 'inverse_relationships'];

export const objectTypeRoutes: Routes = async (
  app,
  { deployment: { objectTypes, store, limits }, held },
) => {
  app.get(
    '/v1/object-types',
    {
      schema: {
        summary: 'List object types',
        operationId: 'listObjectTypes',
        querystring: Type.Object({ ...pageParameters, ...fieldsParameter('name') }),
        response: answers(
          { 200: pageOfFields(objectTypeForm) },
          'parameter_invalid',
          'cursor_invalid',
        ),
      },
    },
    async (request, reply) => {
      const { query } = request;
      const only = fieldsOf(query.fields, OBJECT_TYPE_FIELDS);
      const format = (type: ObjectType) => only(formatObjectType(type));
      const { objectTypes: types } = await store.refresh();
      return held.send(request, reply, () => pageByName(types, query, limits.pageBytes, format));
    },
  );

  app.get(
    '/v1/object-types/:name',
    {
      schema: {
        summary: 'Read an object type',
        operationId: 'getObjectType',
        params: path('name'),
        response: answers({ 200: named('ObjectTypeShown') }, 'object_type_unknown'),
      },
    },
    async ({ params: { name } }) => {
      const type = await findObjectType(store, name);
      const inverse_relationships = inverseRelationships(name, store.catalog.objectTypes);
      return { ...formatObjectType(type), inverse_relationships };
    },
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
          'catalog_full',
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
