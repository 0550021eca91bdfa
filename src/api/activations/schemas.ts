/**
 * schemas.ts – Activations, their syncs and dead letters, as they are sent and answered.
 */

import Type, { type TSchema } from 'typebox';
import { ACTIVATION_EVENTS } from '../../catalog/catalog.ts';
import { DELIVERY_STATUSES, SYNC_STATUSES } from '../../jobs/webhook-lanes.ts';
import { time, timeOrNull } from '../times.ts';

/** Dead letters that one request may name. */
const REDELIVERED_IDS_MAX = 1000;

export const redeliverBody = Type.Object(
  {
    ids: Type.Optional(
      Type.Array(Type.String(), {
        maxItems: REDELIVERED_IDS_MAX,
        description: 'Ids of events; absent: all of them.',
      }),
    ),
  },
  { additionalProperties: false, examples: [{}] },
);

const activationInput = {
  url: Type.String({
    format: 'uri',
    description:
      'http or https, at a public address unless ROLLCALL_WEBHOOK_ALLOW says otherwise; ' +
      'redirects are not followed.',
    examples: ['https://example.com/hooks/rollcall'],
  }),
  secret: Type.Optional(
    Type.String({ description: 'whsec_ and the base64 of 24 to 64 bytes; absent: one is made.' }),
  ),
  events: Type.Optional(
    Type.Array(Type.Enum([...ACTIVATION_EVENTS]), {
      minItems: 1,
      uniqueItems: true,
      default: [...ACTIVATION_EVENTS],
    }),
  ),
  on_edit: Type.Optional(
    Type.Boolean({
      default: false,
      description:
        "Whether an edit of the view's query, or of its segment, sends an event for each record " +
        'that it lets in or out; else nothing is sent of them, and a sync tells who is in.',
    }),
  ),
};

const activationExample = {
  url: 'https://example.com/hooks/rollcall',
  events: ['entered', 'left'],
  on_edit: false,
};

const activation = {
  id: Type.String({ format: 'uuid' }),
  view: Type.String({ description: 'Slug of the view.' }),
  url: Type.String(),
  events: Type.Array(Type.Enum([...ACTIVATION_EVENTS])),
  on_edit: Type.Boolean({ description: 'Whether it is told what an edit makes different.' }),
  status: Type.Enum([...DELIVERY_STATUSES], {
    description:
      'disabled: too many failures in a row, or the receiver answered 410. Events are kept ' +
      'until it is enabled.',
  }),
  disabled_at: timeOrNull('Since when.'),
  delivered: Type.Integer({ description: 'Events that were delivered.' }),
  pending: Type.Integer({ description: 'Events that wait to be delivered.' }),
  dead_letters: Type.Object({
    count: Type.Integer(),
    dropped: Type.Integer({ description: 'Those that gave way to newer ones, and are gone.' }),
  }),
  failures: Type.Object({
    in_a_row: Type.Integer(),
    since: timeOrNull('When the first of them was.'),
    last_error: Type.Union([Type.String(), Type.Null()]),
    last_at: timeOrNull('When the last failure was.'),
  }),
  last_success_at: timeOrNull('When an event was last delivered.'),
  created_at: time('When it was created.'),
  updated_at: time('When it was last edited.'),
};

const activationShown = {
  id: '5a0c8b1e-6f0e-4c57-9d0b-0a52b9d2b6a1',
  view: 'big-spenders',
  ...activationExample,
  status: 'active',
  disabled_at: null,
  delivered: 1204,
  pending: 0,
  dead_letters: { count: 0, dropped: 0 },
  failures: { in_a_row: 0, since: null, last_error: null, last_at: null },
  last_success_at: '2026-01-31T09:30:00.000Z',
  created_at: '2026-01-30T08:00:00.000Z',
  updated_at: '2026-01-30T08:00:00.000Z',
};

export const activationForm = Type.Object(activation, {
  $id: 'Activation',
  examples: [activationShown],
});

export const createdActivationForm = Type.Object(
  {
    ...activation,
    secret: Type.Optional(
      Type.String({ description: 'If it was made here. Keep it: it is not shown again.' }),
    ),
  },
  { $id: 'CreatedActivation', examples: [{ ...activationShown, secret: 'whsec_…' }] },
);

export const attemptForm = Type.Object(
  {
    delivered: Type.Boolean({ description: 'Whether the receiver answered with 2xx.' }),
    status: Type.Union([Type.Integer(), Type.Null()], {
      description: 'What it answered; null if it did not.',
    }),
    error: Type.Union([Type.String(), Type.Null()]),
    answer: Type.String({ description: 'The beginning of its answer.' }),
    duration_ms: Type.Integer(),
  },
  {
    $id: 'Attempt',
    examples: [{ delivered: true, status: 204, error: null, answer: '', duration_ms: 41 }],
  },
);

export const syncForm = Type.Object(
  {
    id: Type.String({ format: 'uuid', description: 'Is in each of its events, as data.sync.' }),
    status: Type.Enum([...SYNC_STATUSES], {
      description: 'done: all are queued; see pending of the activation.',
    }),
    progress: Type.Number({
      minimum: 0,
      maximum: 1,
      description: 'The share of members that are queued.',
    }),
    members: Type.Integer({ description: 'Members that were gone through.' }),
    total: Type.Integer({ description: 'Members that there were when it began.' }),
    error: Type.Union([Type.String(), Type.Null()]),
    started_at: time('When it was asked for.'),
    updated_at: time('When it last moved.'),
  },
  { $id: 'Sync' },
);

export const undeliveredForm = Type.Object(
  {
    id: Type.String({ description: 'The webhook-id that it was and will be sent with.' }),
    event: Type.Unknown({ description: 'The body: type, timestamp, data.' }),
    error: Type.String({ description: 'Of the last attempt.' }),
    attempts: Type.Integer(),
    at: time('When it was given up.'),
  },
  { $id: 'DeadLetter' },
);

export const ACTIVATION_SCHEMAS: readonly TSchema[] = [
  Type.Object(activationInput, {
    $id: 'ActivationInput',
    additionalProperties: false,
    examples: [activationExample],
  }),
  Type.Object(
    {
      url: Type.Optional(activationInput.url),
      secret: activationInput.secret,
      events: activationInput.events,
      on_edit: activationInput.on_edit,
    },
    { $id: 'ActivationPatch', additionalProperties: false, examples: [{ events: ['entered'] }] },
  ),
  activationForm,
  createdActivationForm,
  attemptForm,
  syncForm,
  undeliveredForm,
];
