/**
 * routes.ts – `/v1/dead-letters`: what could not be applied, over all partitions.
 */
import Type from 'typebox';
import { packCursor, readCursor } from '../../cursor.ts';
import { LETTER_KINDS } from '../../engine/dead-letter-store.ts';
import type { LetterCursor } from '../../engine/dead-letters.ts';
import type { ErrorCode } from '../../errors.ts';
import { NO_CONTENT } from '../answers.ts';
import { editOf } from '../edits.ts';
import { named } from '../fields.ts';
import { LIMIT_DEFAULT, pageOf, pageParameters } from '../page.ts';
import { PageText } from '../page-text.ts';
import { route } from '../route.ts';
import { formatLetterHead, formatWholeLetter } from './format.ts';

/** How long a change that is tried again is waited for. */
const RETRY_WAIT_MS = 10_000;
const ONE = '/v1/dead-letters/:letter';
const RETRY_CODES: ErrorCode[] = [
  'dead_letter_unknown',
  'dead_letter_unreadable',
  'object_type_unknown',
  'change_invalid',
  'attribute_invalid',
  'number_inexact',
  'record_id_invalid',
  'catalog_conflict',
  'overloaded',
];

const listLetters = route({
  method: 'GET',
  path: '/v1/dead-letters',
  need: 'write_catalog',
  summary: 'List what could not be applied, the newest first',
  description: 'Kept within bounds that `rollcall config` lists; then the oldest give way.',
  query: Type.Object({
    kind: Type.Optional(Type.Enum([...LETTER_KINDS], { description: 'Only letters of a kind.' })),
    ...pageParameters,
  }),
  answers: { 200: pageOf(named('ChangeDeadLetter')) },
  refusals: ['parameter_invalid', 'cursor_invalid'],
  handler: async (request, { deployment: { deadLetters, limits }, held }, reply) => {
    const { limit = LIMIT_DEFAULT, cursor, kind } = request.query;
    const after = cursor === undefined || cursor === '' ? undefined : readCursor(cursor, asCursor);
    return held.send(request, reply, async () => {
      const text = new PageText(limits.pageBytes);
      let shown = 0;
      let last: LetterCursor | undefined;
      for await (const head of deadLetters.list(after, kind)) {
        if (shown === limit || !text.add(formatLetterHead(head)))
          return text.end(last ? packCursor(last) : null);
        last = [head.place.entry, head.place.partition];
        shown++;
      }
      return text.end(null);
    });
  },
});

const getLetter = route({
  method: 'GET',
  path: ONE,
  need: 'write_catalog',
  summary: 'Read a dead letter as a whole',
  answers: { 200: named('WholeDeadLetter') },
  refusals: ['dead_letter_unknown'],
  handler: async (request, { deployment: { deadLetters }, held }, reply) => {
    const letter = await deadLetters.find(request.params.letter);
    return held.send(request, reply, async () =>
      Buffer.from(JSON.stringify(formatWholeLetter(letter))),
    );
  },
});

const retryLetter = route({
  method: 'POST',
  path: `${ONE}/retry`,
  need: 'write_catalog',
  summary: 'Try a dead letter again',
  description:
    'A change is checked and applied as one that comes now: once, however many ask; one that is ' +
    'refused stays where it is. For a message its partition sends all its state again, for other ' +
    'work the segments that have failed by it are built anew.',
  answers: { 200: named('RetriedLetter'), 202: named('RetriedLetter') },
  refusals: RETRY_CODES,
  handler: async (request, { deployment: { deadLetters } }, reply) => {
    const { letter } = request.params;
    const retried = await deadLetters.retry(letter, RETRY_WAIT_MS, editOf(request));
    const isUnderWay = ['accepted', 'resending', 'rebuilding'].includes(retried.outcome);
    return reply.code(isUnderWay ? 202 : 200).send(retried);
  },
});

const discardLetter = route({
  method: 'DELETE',
  path: ONE,
  need: 'write_catalog',
  summary: 'Discard a dead letter',
  answers: { 204: NO_CONTENT },
  refusals: ['dead_letter_unknown'],
  handler: async ({ params: { letter } }, { deployment: { deadLetters } }, reply) => {
    await deadLetters.discard(letter);
    return reply.code(204).send();
  },
});

export const DEAD_LETTER_ROUTES = { listLetters, getLetter, retryLetter, discardLetter };

function asCursor(place: unknown): LetterCursor | undefined {
  if (!Array.isArray(place) || place.length !== 2) return undefined;
  const [entry, partition] = place as unknown[];
  const isEntry = typeof entry === 'string' && /^\d{1,15}-\d{1,15}$/.test(entry);
  return isEntry && Number.isSafeInteger(partition) ? [entry, partition as number] : undefined;
}
