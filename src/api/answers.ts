/**
 * answers.ts – What a route may answer: its forms when all goes well, and problem documents.
 *
 * Keeps true: a refusal is described by its row in the table of errors.
 */
import Type, { type TSchema } from 'typebox';
import { ERRORS, type ErrorCode } from '../errors.ts';
import { pushTo } from '../multimap.ts';
import { named, usedBy } from './fields.ts';

const MEANINGS: Readonly<Record<string, string>> = {
  200: 'Done; this is how it stands.',
  201: 'Created.',
  202: 'Acknowledged and in the log; not known to be applied yet.',
};

/** The answers of a route: what it gives when all goes well, and the codes of what may go wrong. */
export function answers(
  success: Readonly<Record<number, TSchema>>,
  codes: readonly ErrorCode[],
): Record<string, TSchema> {
  // Whatever reads JSON refuses numbers that would be altered.
  const all = codes.includes('body_malformed') ? [...codes, 'number_inexact' as const] : codes;
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of all) {
    const { status } = ERRORS[code];
    pushTo(byStatus, status, code);
  }
  const given = Object.entries(success).map(([status, schema]) => [
    status,
    { description: MEANINGS[status], ...schema },
  ]);
  const refused = [...byStatus].map(([status, some]) => [status, problemAnswer(some)]);
  return Object.fromEntries([...given, ...refused]);
}

/** An answer whose body is a problem document with one of these codes. */
export function problemAnswer(codes: readonly ErrorCode[]): TSchema {
  return Type.Unsafe({
    description: codes.map((code) => `\`${code}\`: ${ERRORS[code].title}.`).join(' '),
    content: { 'application/problem+json': { schema: named('Problem') } },
  });
}

export const NO_CONTENT = Type.Null({ description: 'Done; there is nothing to say.' });

export const PROBLEM_SCHEMAS: readonly TSchema[] = [
  Type.Object(
    {
      type: Type.String({ description: 'urn:rollcall:problem:<code>' }),
      title: Type.String({
        description: 'The kind of problem, the same for every one of this code.',
      }),
      status: Type.Integer(),
      code: Type.Enum(Object.keys(ERRORS)),
      detail: Type.String({ description: 'This very problem, in words for a person.' }),
      errors: Type.Optional(
        Type.Array(
          Type.Object({
            path: Type.String({
              description:
                'JSON pointer (RFC 6901) into the body, or / and the name of a parameter.',
            }),
            detail: Type.String(),
          }),
          { description: 'Each fault of what was sent.' },
        ),
      ),
      used_by: Type.Optional(usedBy),
      retry_after_s: Type.Optional(Type.Number()),
    },
    {
      $id: 'Problem',
      description: 'RFC 9457 problem details; some codes add members of their own.',
      examples: [
        {
          type: 'urn:rollcall:problem:query_invalid',
          title: ERRORS.query_invalid.title,
          status: 422,
          code: 'query_invalid',
          detail: "'age' is a number: 'old' can't be read as one",
          errors: [
            {
              path: '/query/rules/1/value',
              detail: "'age' is a number: 'old' can't be read as one",
            },
          ],
        },
      ],
    },
  ),
];
