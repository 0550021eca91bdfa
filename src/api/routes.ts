/**
 * routes.ts – All routes, by the parts of the API.
 *
 * Keeps true: a route that is not in this list can not be called, and each one says what it needs
 * of its caller.
 */
import type { TSchema } from 'typebox';
import { ACTIVATION_ROUTES } from './activations/routes.ts';
import { ACTIVATION_SCHEMAS } from './activations/schemas.ts';
import { PROBLEM_SCHEMAS } from './answers.ts';
import { AUDIT_ROUTES } from './audits/routes.ts';
import { AUDIT_SCHEMAS } from './audits/schemas.ts';
import { CHANGE_ROUTES } from './changes/routes.ts';
import { CHANGE_SCHEMAS } from './changes/schemas.ts';
import { DEAD_LETTER_ROUTES } from './dead-letters/routes.ts';
import { DEAD_LETTER_SCHEMAS } from './dead-letters/schemas.ts';
import { EXPLAIN_ROUTES } from './explain/routes.ts';
import { EXPLAIN_SCHEMAS } from './explain/schemas.ts';
import { EXPORT_ROUTES } from './exports/routes.ts';
import { FEED_ROUTES } from './feed/routes.ts';
import { FEED_SCHEMAS } from './feed/schemas.ts';
import { HISTORY_ROUTES } from './history/routes.ts';
import { HISTORY_SCHEMAS } from './history/schemas.ts';
import { IMPORT_ROUTES } from './imports/routes.ts';
import { IMPORT_SCHEMAS } from './imports/schemas.ts';
import { JOB_ROUTES } from './jobs/routes.ts';
import { JOB_SCHEMAS } from './jobs/schemas.ts';
import { MEMBERSHIP_ROUTES } from './memberships/routes.ts';
import { OBJECT_TYPE_ROUTES } from './object-types/routes.ts';
import { OBJECT_TYPE_SCHEMAS } from './object-types/schemas.ts';
import { OPERATION_ROUTES } from './operations/routes.ts';
import { OPERATOR_ROUTES } from './operators/routes.ts';
import { OPERATOR_SCHEMAS } from './operators/schemas.ts';
import { PREVIEW_ROUTES } from './previews/routes.ts';
import { PREVIEW_SCHEMAS } from './previews/schemas.ts';
import { RECORD_ROUTES } from './records/routes.ts';
import { RECORD_SCHEMAS } from './records/schemas.ts';
import { REVISION_ROUTES } from './revisions/routes.ts';
import { REVISION_SCHEMAS } from './revisions/schemas.ts';
import type { ListedRoute, Route } from './route.ts';
import { SEED_ROUTES } from './seeds/routes.ts';
import { SEED_SCHEMAS } from './seeds/schemas.ts';
import { SEGMENT_ROUTES } from './segments/routes.ts';
import { SEGMENT_SCHEMAS } from './segments/schemas.ts';
import { SESSION_ROUTES } from './session/routes.ts';
import { SESSION_SCHEMAS } from './session/schemas.ts';
import { STREAM_ROUTES } from './stream/routes.ts';
import { VALUE_ROUTES } from './values/routes.ts';
import { VIEW_ROUTES } from './views/routes.ts';
import { VIEW_SCHEMAS } from './views/schemas.ts';

interface ApiPart {
  /** Groups its routes in the description. */
  readonly tag: string;
  readonly description: string;
  /** By the name that each has in the description, its `operationId`. */
  readonly routes: Readonly<Record<string, Route>>;
  /** Forms that have a name. */
  readonly schemas: readonly TSchema[];
}

export const API_PARTS: readonly ApiPart[] = [
  {
    tag: 'object-types',
    description: 'What records may hold',
    routes: { ...OBJECT_TYPE_ROUTES, ...VALUE_ROUTES },
    schemas: OBJECT_TYPE_SCHEMAS,
  },
  {
    tag: 'records',
    description: 'Records, one at a time or many',
    routes: { ...RECORD_ROUTES, ...CHANGE_ROUTES },
    schemas: [...RECORD_SCHEMAS, ...CHANGE_SCHEMAS],
  },
  {
    tag: 'segments',
    description: 'Saved filters, their counts and their members',
    routes: {
      ...OPERATOR_ROUTES,
      ...SEGMENT_ROUTES,
      ...PREVIEW_ROUTES,
      ...EXPLAIN_ROUTES,
      ...REVISION_ROUTES,
      ...MEMBERSHIP_ROUTES,
      ...HISTORY_ROUTES,
      ...FEED_ROUTES,
      ...STREAM_ROUTES,
    },
    schemas: [
      ...OPERATOR_SCHEMAS,
      ...SEGMENT_SCHEMAS,
      ...PREVIEW_SCHEMAS,
      ...HISTORY_SCHEMAS,
      ...REVISION_SCHEMAS,
      ...FEED_SCHEMAS,
      ...EXPLAIN_SCHEMAS,
    ],
  },
  {
    tag: 'views',
    description: 'Which columns of which records are shown',
    routes: { ...VIEW_ROUTES, ...ACTIVATION_ROUTES },
    schemas: [...VIEW_SCHEMAS, ...ACTIVATION_SCHEMAS],
  },
  {
    tag: 'jobs',
    description: 'Seeds, imports and exports of any size, and how they stand',
    routes: { ...SEED_ROUTES, ...IMPORT_ROUTES, ...EXPORT_ROUTES, ...JOB_ROUTES },
    schemas: [...SEED_SCHEMAS, ...IMPORT_SCHEMAS, ...JOB_SCHEMAS],
  },
  {
    tag: 'operations',
    description: 'Sessions, audits, dead letters, health, metrics and this description',
    routes: { ...SESSION_ROUTES, ...AUDIT_ROUTES, ...DEAD_LETTER_ROUTES, ...OPERATION_ROUTES },
    schemas: [...SESSION_SCHEMAS, ...AUDIT_SCHEMAS, ...DEAD_LETTER_SCHEMAS, ...PROBLEM_SCHEMAS],
  },
];

export const ROUTES: readonly ListedRoute[] = API_PARTS.flatMap(({ tag, routes }) =>
  Object.entries(routes).map(([operationId, route]) => ({ ...route, operationId, tag })),
);
