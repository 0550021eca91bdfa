/**
 * routes.ts – `/v1/views/:slug/activations`: webhooks of who enters and leaves a view, and
 * what became of them.
 *
 * Keeps true: a secret is answered once, to the creation that had it made, and nowhere else.
 */
import Type from 'typebox';
import type { StoredActivation } from '../../catalog/catalog.ts';
import { shownTarget } from '../../catalog/webhook-target.ts';
import { asOffset, packCursor, readCursor } from '../../cursor.ts';
import { type ErrorCode, Problem } from '../../errors.ts';
import { answers, NO_CONTENT } from '../answers.ts';
import { named } from '../fields.ts';
import { LIMIT_DEFAULT, pageOf, pageParameters } from '../page.ts';
import type { Caller } from '../plugins/auth.ts';
import { type Capability, ROLE_CAPABILITIES } from '../roles.ts';
import type { Routes } from '../route.ts';
import { path } from '../route.ts';
import { formatActivation, formatLetter, formatSync } from './format.ts';
import { redeliverBody } from './schemas.ts';

const UNKNOWN_CODES: ErrorCode[] = ['view_unknown', 'activation_unknown'];
const EDIT_CODES: ErrorCode[] = [
  'body_malformed',
  'activation_invalid',
  'catalog_conflict',
  'catalog_full',
];
const BASE = '/v1/views/:slug/activations';
const ONE = `${BASE}/:activation`;

export const activationRoutes: Routes = async (app, { deployment: { activations }, webhooks }) => {
  app.get(
    BASE,
    {
      schema: {
        summary: "List a view's activations, in the order in which they were created",
        operationId: 'listActivations',
        params: path('slug'),
        response: answers({ 200: pageOf(named('Activation')) }, 'view_unknown'),
      },
    },
    async ({ params: { slug }, caller }) => {
      const shown = (activation: StoredActivation) => format(activation, mayChange(caller));
      const data = await Promise.all((await activations.list(slug)).map(shown));
      return { data, next_cursor: null };
    },
  );

  app.post(
    BASE,
    {
      schema: {
        summary: "Tell a URL who enters and leaves a view's members",
        description:
          'Every change that is acknowledged after this answer is told, as a webhook in the format of Standard Webhooks. Who is a ' +
          'member already is told by a sync. Without a secret one is made, and answered here and never again.',
        operationId: 'createActivation',
        params: path('slug'),
        body: named('ActivationInput'),
        response: answers({ 201: named('CreatedActivation') }, 'view_unknown', ...EDIT_CODES),
      },
    },
    async ({ params: { slug }, body }, reply) => {
      const { activation, secret } = await activations.create(slug, body);
      await webhooks.adopted();
      const told = await format(activation);
      return reply
        .code(201)
        .header('location', `/v1/views/${slug}/activations/${activation.id}`)
        .header('cache-control', 'no-store')
        .send(secret === undefined ? told : { ...told, secret });
    },
  );

  app.get(
    ONE,
    {
      schema: {
        summary: 'Read an activation, and how its deliveries stand',
        operationId: 'getActivation',
        params: path('slug', 'activation'),
        response: answers({ 200: named('Activation') }, ...UNKNOWN_CODES),
      },
    },
    async ({ params, caller }) => format(await find(params), mayChange(caller)),
  );

  app.patch(
    ONE,
    {
      schema: {
        summary: 'Change some of an activation',
        description:
          'A secret that is given takes the place of the one before at once. What waits for a retry is tried now.',
        operationId: 'patchActivation',
        params: path('slug', 'activation'),
        body: named('ActivationPatch'),
        response: answers({ 200: named('Activation') }, ...UNKNOWN_CODES, ...EDIT_CODES),
      },
    },
    async ({ params, body }) => {
      const activation = await activations.patch(params.slug, params.activation, body);
      await webhooks.retryNow(activation.id);
      return format(activation);
    },
  );

  app.delete(
    ONE,
    {
      schema: {
        summary: 'Delete an activation, with all that is pending and dead of it',
        operationId: 'deleteActivation',
        params: path('slug', 'activation'),
        response: answers({ 204: NO_CONTENT }, ...UNKNOWN_CODES, 'catalog_conflict'),
      },
    },
    async ({ params: { slug, activation } }, reply) => {
      await activations.find(slug, activation);
      await activations.remove(slug, activation);
      await webhooks.purge(activation);
      return reply.code(204).send();
    },
  );

  app.post(
    `${ONE}/enable`,
    {
      schema: {
        summary: 'Deliver again to an activation that was disabled',
        description: 'What happened meanwhile was kept, and is delivered now, in its order.',
        operationId: 'enableActivation',
        params: path('slug', 'activation'),
        response: answers({ 200: named('Activation') }, ...UNKNOWN_CODES),
      },
    },
    async ({ params }) => {
      const activation = await find(params);
      await webhooks.enable(activation);
      return format(activation);
    },
  );

  app.post(
    `${ONE}/test`,
    {
      schema: {
        summary: 'Send one signed event of type test, and say what the receiver answered',
        operationId: 'testActivation',
        params: path('slug', 'activation'),
        response: answers({ 200: named('Attempt') }, ...UNKNOWN_CODES),
      },
    },
    async ({ params }) => {
      const { outcome, status, error, answer, durationMs } = await webhooks.test(
        await find(params),
      );
      return { delivered: outcome === 'delivered', status, error, answer, duration_ms: durationMs };
    },
  );

  app.post(
    `${ONE}/sync`,
    {
      schema: {
        summary: 'Send every member of the view, as events of type member.synced',
        description: 'A sync that runs already goes on.',
        operationId: 'syncActivation',
        params: path('slug', 'activation'),
        response: answers(
          { 202: named('Sync') },
          ...UNKNOWN_CODES,
          'activation_disabled',
          'segment_building',
          'segment_failed',
        ),
      },
    },
    async ({ params }, reply) =>
      reply.code(202).send(formatSync(await webhooks.beginSync(await find(params)))),
  );

  app.get(
    `${ONE}/sync`,
    {
      schema: {
        summary: 'How far the last full sync has come',
        operationId: 'getSync',
        params: path('slug', 'activation'),
        response: answers({ 200: named('Sync') }, ...UNKNOWN_CODES, 'sync_unknown'),
      },
    },
    async ({ params }) => {
      const sync = await webhooks.sync(await find(params));
      if (!sync) throw new Problem('sync_unknown', 'no full sync was asked for yet');
      return formatSync(sync);
    },
  );

  app.get(
    `${ONE}/dead-letters`,
    {
      schema: {
        summary: 'Events that could not be delivered, oldest first',
        operationId: 'listDeadLetters',
        params: path('slug', 'activation'),
        querystring: Type.Object(pageParameters),
        response: answers(
          { 200: pageOf(named('DeadLetter')) },
          ...UNKNOWN_CODES,
          'parameter_invalid',
          'cursor_invalid',
        ),
      },
    },
    async ({ params, query: { limit = LIMIT_DEFAULT, cursor } }) => {
      const { letters, next } = await webhooks.dead(await find(params), limit, readOffset(cursor));
      return {
        data: letters.map(formatLetter),
        next_cursor: next === undefined ? null : packCursor(next),
      };
    },
  );

  app.post(
    `${ONE}/dead-letters/redeliver`,
    {
      // Without a body: all of them.
      config: { bodyIsOptional: true },
      schema: {
        summary: 'Try dead letters again: all, or those of some ids',
        description:
          'They come after what is pending of their records, under the ids that they had.',
        operationId: 'redeliverDeadLetters',
        params: path('slug', 'activation'),
        body: redeliverBody,
        response: answers(
          { 202: Type.Object({ redelivered: Type.Integer() }) },
          ...UNKNOWN_CODES,
          'body_malformed',
          'body_invalid',
        ),
      },
    },
    async ({ params, body }, reply) => {
      const redelivered = await webhooks.redeliver(await find(params), body.ids);
      return reply.code(202).send({ redelivered });
    },
  );

  function find({
    slug,
    activation,
  }: {
    slug: string;
    activation: string;
  }): Promise<StoredActivation> {
    return activations.find(slug, activation);
  }

  /** Who may not change it is shown where it goes to, and no more. */
  async function format(
    activation: StoredActivation,
    isWhole = true,
  ): Promise<Record<string, unknown>> {
    const told = formatActivation(activation, await webhooks.state(activation));
    return isWhole ? told : { ...told, url: shownTarget(activation.url) };
  }
};

function mayChange(caller: Caller | undefined): boolean {
  const capabilities: readonly Capability[] = caller ? ROLE_CAPABILITIES[caller.role] : [];
  return capabilities.includes('write_catalog');
}

/** @throws Problem cursor_invalid */
function readOffset(cursor: string | undefined): number | undefined {
  return cursor === undefined || cursor === '' ? undefined : readCursor(cursor, asOffset);
}
