/**
 * webhook-signature.ts – Signs webhooks by the Standard Webhooks specification.
 *
 * Keeps true: the signature covers id, timestamp and the very bytes of the body. The timestamp is
 * that of the attempt, so a receiver's tolerance holds for late retries too; the id stays.
 */
import { createHmac } from 'node:crypto';
import { secretKey } from '../catalog/webhook-secret.ts';

/** Headers of one attempt. */
export function signedHeaders(
  secret: string,
  id: string,
  body: string,
  nowMs: number,
): Record<string, string> {
  const timestamp = String(Math.floor(nowMs / 1000));
  const signature = createHmac('sha256', secretKey(secret))
    .update(`${id}.${timestamp}.${body}`)
    .digest('base64');
  return {
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': `v1,${signature}`,
  };
}
