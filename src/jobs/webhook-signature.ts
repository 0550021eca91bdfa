/**
 * webhook-signature.ts – Signs webhooks as Standard Webhooks says.
 *
 * Keeps true: the signature is over id, timestamp and the very bytes of the body; the timestamp is
 * that of the attempt, so that a receiver's tolerance holds however late a retry comes, while the
 * id stays.
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
