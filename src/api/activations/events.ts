/**
 * events.ts – What activations send to their receivers, described as the rest of the API is
 * (OpenAPI 3.1, `webhooks`).
 *
 * Keeps true: each type of event is described by its own body, and all by the headers of Standard
 * Webhooks.
 */
import { CAUSE_NAMES } from '../../change/cause.ts';
import type { WebhookEventType } from '../../jobs/webhook-payload.ts';
import { rowExample } from '../examples.ts';

const text = (description: string, example: string) => ({
  type: 'string',
  description,
  examples: [example],
});

/** What every event says of where it comes from. */
const ABOUT = {
  view: text('Slug of the view.', 'big-spenders'),
  segment: text(
    'Slug of the segment that the view is of; absent if it has a query of its own.',
    'big-spenders',
  ),
  object_type: text('Object type of the record.', 'contacts'),
};

const RECORD = {
  id: text('Id of the record.', 'c-17'),
  columns: {
    type: ['object', 'null'],
    description:
      "The record's row in the view, as GET /v1/views/:slug/rows answers it, of the moment at " +
      'which the event was made; null if the record is gone.',
    additionalProperties: true,
  },
};

const about = { view: 'big-spenders', segment: 'big-spenders', object_type: 'contacts' };

const HEADERS = [
  [
    'webhook-id',
    'Names the event: the same in every attempt. Receivers drop what they have had already.',
  ],
  ['webhook-timestamp', 'Of the attempt, in seconds since 1970.'],
  ['webhook-signature', 'v1, and HMAC-SHA256 of `id.timestamp.body` under the secret, in Base64.'],
].map(([name, description]) => ({
  name,
  in: 'header',
  required: true,
  description,
  schema: { type: 'string' },
}));

const ANSWERS = {
  '2XX': { description: 'The event is delivered.' },
  410: { description: 'The receiver wants no more: the activation is disabled.' },
  default: {
    description: 'The event is sent again, later and later, and in the end kept as a dead letter.',
  },
};

interface DescribedEvent {
  readonly summary: string;
  readonly data: Readonly<Record<string, object>>;
  readonly required: readonly string[];
  readonly example: Readonly<Record<string, unknown>>;
}

const position = text(
  'Where the change stands in the log of its partition.',
  '3-1700000012000-0-0',
);

const cause = {
  type: 'string',
  enum: CAUSE_NAMES,
  description: 'Why it did.',
  examples: ['record_changed'],
};

const ENTERED = { ...ABOUT, ...RECORD, cause, position };
const ENTERED_REQUIRED = ['view', 'object_type', 'id', 'cause', 'columns', 'position'];
const enteredExample = {
  ...about,
  id: 'c-17',
  cause: 'record_changed',
  columns: rowExample,
  position: '3-1700000012000-0-0',
};

const EVENTS: Readonly<Record<WebhookEventType, DescribedEvent>> = {
  'member.entered': {
    summary: 'A record has entered a view',
    data: ENTERED,
    required: ENTERED_REQUIRED,
    example: enteredExample,
  },
  'member.left': {
    summary: 'A record has left a view',
    data: ENTERED,
    required: ENTERED_REQUIRED,
    example: enteredExample,
  },
  'member.synced': {
    summary: 'A record is in a view: one event a member, when a sync was asked for',
    data: {
      ...ABOUT,
      ...RECORD,
      sync: text('Id of the sync.', '0d6f4b0c-8a1e-4b9a-9c55-6f0d6a3c7a10'),
    },
    required: ['view', 'object_type', 'id', 'columns', 'sync'],
    example: {
      ...about,
      id: 'c-17',
      columns: rowExample,
      sync: '0d6f4b0c-8a1e-4b9a-9c55-6f0d6a3c7a10',
    },
  },
  test: {
    summary: 'Sent by POST …/activations/:activation/test; it says nothing of any record',
    data: ABOUT,
    required: ['view', 'object_type'],
    example: about,
  },
};

/** `MemberEntered` of `member.entered`. */
function capitalized(type: string): string {
  return type.replace(/(?:^|\.)([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

function described(type: string, { summary, data, required, example }: DescribedEvent): object {
  const schema = {
    type: 'object',
    required: ['type', 'timestamp', 'data'],
    properties: {
      type: { const: type },
      timestamp: {
        type: 'string',
        format: 'date-time',
        description: 'When it happened; of a sync, when it was sent.',
      },
      data: { type: 'object', required, properties: data },
    },
    examples: [{ type, timestamp: '2026-01-31T09:30:00.000Z', data: example }],
  };
  return {
    post: {
      summary,
      operationId: `on${capitalized(type)}`,
      tags: ['views'],
      security: [],
      parameters: HEADERS,
      requestBody: { required: true, content: { 'application/json': { schema } } },
      responses: ANSWERS,
    },
  };
}

/** By type of event. */
export const WEBHOOKS = Object.fromEntries(
  Object.entries(EVENTS).map(([type, event]) => [type, described(type, event)]),
) as Record<string, never>;
