/**
 * webhooks.ts – A deployment that delivers webhooks, for tests: one view over members that come and
 * go as `n` moves.
 */
import { pino } from 'pino';
import type { CreatedActivation } from '../../src/catalog/activations.ts';
import type { Change } from '../../src/change/change.ts';
import type { DeploymentOptions } from '../../src/engine/deployment.ts';
import { WebhookWorker } from '../../src/jobs/webhook-worker.ts';
import { type WebhookOptions, Webhooks } from '../../src/jobs/webhooks.ts';
import type { TestDeployment } from './client.ts';
import { createSegment, openTestDeployment } from './deployment.ts';

export interface WebhookDeployment {
  readonly deployment: TestDeployment;
  readonly webhooks: Webhooks;
  activate(
    url: string,
    options?: Record<string, unknown>,
  ): Promise<CreatedActivation & { readonly signed: string }>;
  close(): Promise<void>;
}

/** As the API's test for a member: whoever has an `n` below it. */
const MEMBERS_BELOW = 100;
export const VIEW = 'low';

export async function openWebhookDeployment(
  options: Omit<WebhookOptions, 'deployment' | 'logger'> & Partial<DeploymentOptions> = {},
): Promise<WebhookDeployment> {
  const { limits, resolve, ...rest } = options;
  const deployment = await openTestDeployment({ webhookAllow: ['127.0.0.1'], ...rest });
  const logger = pino({ level: process.env['LOG_LEVEL'] ?? 'silent' });
  const webhooks = new Webhooks({
    deployment,
    logger,
    ...(limits ? { limits } : {}),
    ...(resolve ? { resolve } : {}),
  });
  const worker = new WebhookWorker({ deployment, webhooks, logger });
  worker.start();
  return {
    deployment,
    webhooks,
    activate: async (url, given = {}) => {
      const created = await deployment.activations.create(VIEW, { url, ...given });
      await webhooks.adopted();
      return { ...created, signed: created.secret ?? String(given['secret']) };
    },
    close: async () => {
      await worker.close();
      await webhooks.close();
      await deployment.close();
    },
  };
}

export async function declareView(deployment: TestDeployment): Promise<void> {
  await deployment.objectTypes.put('contacts', {
    attributes: { n: { type: 'number' }, name: { type: 'string' } },
  });
  await createSegment(deployment, VIEW, 'contacts', {
    combinator: 'and',
    rules: [{ field: 'n', operator: '<', value: MEMBERS_BELOW }],
  });
  await deployment.views.create({
    title: 'Low',
    slug: VIEW,
    object_type: 'contacts',
    segment: VIEW,
    columns: [{ path: 'name' }, { path: 'n' }],
  });
}

/** A change that makes a record a member, or not. */
export function put(id: string, isMember: boolean, name = id): Change {
  return {
    op: 'put',
    object_type: 'contacts',
    id,
    data: { n: isMember ? 1 : MEMBERS_BELOW, name },
  };
}
