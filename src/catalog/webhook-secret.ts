/**
 * webhook-secret.ts – The secrets that webhooks are signed with, in the form of Standard Webhooks:
 * `whsec_` and base64.
 *
 * Keeps true: no message about a secret holds a part of it.
 */
import { randomBytes } from 'node:crypto';

const SECRET = /^whsec_([A-Za-z0-9+/]+={0,2})$/;
const MADE_BYTES = 32;
const BYTES_MIN = 24;
const BYTES_MAX = 64;

export function makeSecret(): string {
  return `whsec_${randomBytes(MADE_BYTES).toString('base64')}`;
}

/** Why this is no secret; undefined if it is one. */
export function secretFault(given: unknown): string | undefined {
  const encoded = typeof given === 'string' ? SECRET.exec(given)?.[1] : undefined;
  const { length } = Buffer.from(encoded ?? '', 'base64');
  if (length >= BYTES_MIN && length <= BYTES_MAX) return undefined;
  return `secret must be whsec_ and the base64 of ${BYTES_MIN} to ${BYTES_MAX} bytes`;
}

/** The bytes to sign with. Caller: the secret has no fault. */
export function secretKey(secret: string): Buffer {
  return Buffer.from(secret.slice('whsec_'.length), 'base64');
}
