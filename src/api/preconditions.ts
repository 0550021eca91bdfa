/**
 * preconditions.ts – Tags of what is answered, and what a request makes a condition of: `ETag`,
 * `If-Match` and `If-None-Match` (RFC 9110).
 *
 * Keeps true: a tag is `"<identity>-<revision>-<hash of the rest>"`. What is written is compared by
 * identity and revision, what is read by all of it, so a reader sees the progress of a build and a
 * writer is not disturbed by it. What can't be read as a list of tags is refused, never ignored.
 */
import { createHash } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { preconditionFailed } from '../catalog/edit.ts';
import { isMet, type Precondition, type TaggedRevision } from '../change/precondition.ts';
import { Problem } from '../errors.ts';

/** As it is sent, with its quotes. */
interface SentTag {
  readonly isWeak: boolean;
  readonly opaque: string;
}

const HASH_LENGTH = 12;
const OURS = new RegExp(`^"(.+)-(\\d{1,16})-[0-9a-f]{${HASH_LENGTH}}"$`);
/** One tag and what parts it from the next; an element may be empty. */
const ELEMENT = /[ \t]*(?:(W\/)?("[\x21\x23-\x7e\x80-\xff]*"))?[ \t]*(?:,|$)/y;
/** A list of more names no writer could have seen. */
const TAGS_MAX = 100;

export const PRECONDITION_HEADERS = ['if-match', 'if-none-match'] as const;
type PreconditionHeader = (typeof PRECONDITION_HEADERS)[number];

/**
 * Tags the answer with a revision and the hash of what it shows. @throws Problem
 * precondition_failed if it is a read that wants another
 */
export function tag(
  request: FastifyRequest,
  reply: FastifyReply,
  revision: TaggedRevision,
  shown: Record<string, unknown> | Buffer,
): void {
  const text = Buffer.isBuffer(shown) ? shown : JSON.stringify(shown);
  const hash = createHash('sha256').update(text).digest('hex').slice(0, HASH_LENGTH);
  reply.header('etag', `"${revision.join('-')}-${hash}"`);
  if (!isRead(request)) return;
  const match = matchOf(sentTags(request, 'if-match'));
  if (match !== undefined && !isMet({ match }, revision)) throw preconditionFailed(revision);
}

/** Whether the client has what would be answered. */
export function isKnown(request: FastifyRequest, etag: unknown): boolean {
  if (!isRead(request) || typeof etag !== 'string') return false;
  const known = sentTags(request, 'if-none-match');
  return known === '*' || (known ?? []).some(({ opaque }) => opaque === etag);
}

/** What a write is conditional on. @throws Problem parameter_invalid */
export function preconditionOf(request: FastifyRequest): Precondition | undefined {
  const match = matchOf(sentTags(request, 'if-match'));
  const unwanted = sentTags(request, 'if-none-match');
  if (unwanted !== undefined && unwanted !== '*')
    throw invalid('if-none-match', 'a write takes If-None-Match: * alone: that there is none yet');
  if (match === undefined && unwanted === undefined) return undefined;
  return { ...(match === undefined ? {} : { match }), ...(unwanted ? { absent: true } : {}) };
}

/** Of a request that may have them. @throws Problem parameter_invalid */
export function checkPreconditions(request: FastifyRequest): void {
  if (!isRead(request)) preconditionOf(request);
  else for (const name of PRECONDITION_HEADERS) sentTags(request, name);
}

/** Of a request that may not have any. @throws Problem parameter_invalid */
export function refusePreconditions({ headers }: FastifyRequest): void {
  for (const name of PRECONDITION_HEADERS)
    if (headers[name] !== undefined) throw invalid(name, `${shownName(name)} is not taken here`);
}

function isRead({ method }: FastifyRequest): boolean {
  return method === 'GET' || method === 'HEAD';
}

/** Weak tags never match what is written, and neither do those that others made up. */
function matchOf(sent: '*' | readonly SentTag[] | undefined): Precondition['match'] {
  if (sent === undefined || sent === '*') return sent;
  return sent.flatMap(({ isWeak, opaque }) => {
    const [, identity, revision] = (isWeak ? null : OURS.exec(opaque)) ?? [];
    return identity === undefined ? [] : [[identity, Number(revision)] as const];
  });
}

/** @throws Problem parameter_invalid */
function sentTags(
  { headers }: FastifyRequest,
  name: PreconditionHeader,
): '*' | readonly SentTag[] | undefined {
  const sent = headers[name];
  if (sent === undefined) return undefined;
  if (sent.trim() === '*') return '*';
  const tags: SentTag[] = [];
  ELEMENT.lastIndex = 0;
  while (ELEMENT.lastIndex < sent.length) {
    const [, weak, opaque] = ELEMENT.exec(sent) ?? [undefined, undefined, null];
    if (opaque === null)
      throw invalid(name, `${shownName(name)} is * or a list of tags in quotes, such as "a-1-b"`);
    if (opaque !== undefined) tags.push({ isWeak: weak !== undefined, opaque });
  }
  if (tags.length === 0 || tags.length > TAGS_MAX)
    throw invalid(name, `${shownName(name)} has 1 to ${TAGS_MAX} tags`);
  return tags;
}

function shownName(name: PreconditionHeader): string {
  return name === 'if-match' ? 'If-Match' : 'If-None-Match';
}

function invalid(name: PreconditionHeader, detail: string): Problem {
  return new Problem('parameter_invalid', detail, [{ path: `/${shownName(name)}`, detail }]);
}
