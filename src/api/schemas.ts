/**
 * schemas.ts – What is sent and answered, described for people and for generators of clients
 * (OpenAPI 3.1).
 *
 * Keeps true: each form is described once, under the name that it has in the documentation. Bodies
 * given as `named(…)` are described here and checked by the engine; others are checked by what
 * stands here.
 */
import Type, { type TObject, type TSchema } from 'typebox';
import { OPERATIONS } from '../change/change.ts';
import { NAME, SCALAR_TYPES } from '../change/object-type.ts';
import { ERRORS, type ErrorCode } from '../errors.ts';
import { FILTER_SCHEMAS } from '../query/dialects/filter-schema.ts';
import { VALUE_FORMS } from '../query/dialects/operator-list.ts';
import { AGGREGATE_NAMES, TAKEN_OF_KINDS } from '../query/predicate/measures.ts';

/** Refers to one of NAMED_SCHEMAS. */
export function named(id: string) {
  return Type.Unsafe<unknown>({ $ref: `${id}#` });
}

// ── parameters ───────────────────────────────────────────────────────────────────────────────────────────────────────────

export const LIMIT_DEFAULT = 100;
const LIMIT_MAX = 1000;
const TIMEOUT_MS_MAX = 60_000;

const timeout = (description: string, defaultMs: number) =>
  Type.Integer({ minimum: 0, maximum: TIMEOUT_MS_MAX, default: defaultMs, description });

const consistency = Type.Enum(['strong', 'eventual'], {
  default: 'strong',
  description:
    'strong: all that was acknowledged before the request counts. eventual: as it stands, without waiting.',
});
const readTimeout = timeout(
  'How long a strong read waits for what was acknowledged before it, in milliseconds.',
  5000,
);

/** How a read is meant, in its query string or in its body. */
export const readParameters = {
  consistency: Type.Optional(consistency),
  timeout_ms: Type.Optional(readTimeout),
};

export const pageParameters = {
  limit: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: LIMIT_MAX,
      default: LIMIT_DEFAULT,
      description: 'Entries on one page.',
    }),
  ),
  cursor: Type.Optional(
    Type.String({ description: 'The next_cursor of the page before; absent for the first page.' }),
  ),
};

/** Which members of the entries of a list are answered. */
export function fieldsParameter(example: string) {
  return {
    fields: Type.Optional(
      Type.String({
        description:
          'Members of each entry that are answered, separated by commas; all of them if absent.',
        examples: [example],
      }),
    ),
  };
}

/** Without defaults: it is known whether a page was asked for. */
export const optionalPageParameters = {
  limit: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: LIMIT_MAX,
      description: `Entries on one page; ${LIMIT_DEFAULT} if absent.`,
    }),
  ),
  cursor: pageParameters.cursor,
};

/** What else a read of one record answers. */
export const includeParameters = {
  include: Type.Optional(
    Type.String({
      description:
        'Names of relationships, separated by commas: the records at their other ends are answered as well.',
      examples: ['manager,reports'],
    }),
  ),
  include_limit: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: LIMIT_MAX,
      default: LIMIT_DEFAULT,
      description: 'Records on a page of a to-many relationship.',
    }),
  ),
  include_cursor: Type.Optional(
    Type.String({
      description:
        "The next_cursor of an included page; then `include` names that page's relationship alone.",
    }),
  ),
};

export const waitParameters = (defaultMs: number) => ({
  wait: Type.Optional(
    Type.Enum(['applied', 'accepted'], {
      default: 'applied',
      description:
        'applied: answers when segments and counts show the change. accepted: when it is in the log (202).',
    }),
  ),
  timeout_ms: Type.Optional(
    timeout('How long to wait for applied, in milliseconds; after that 202.', defaultMs),
  ),
});

export const sourceVersion = Type.Optional(
  Type.Integer({
    minimum: 0,
    maximum: Number.MAX_SAFE_INTEGER,
    description:
      'A whole number that grows, from the source: a change is ignored if it is not above the last one seen.',
  }),
);

const slug = Type.String({
  pattern: '^[a-z0-9][a-z0-9_-]{0,127}$',
  description: 'Unique, and never changed.',
  examples: ['big-spenders'],
});
const typeName = Type.String({
  description: 'Name of a declared object type.',
  examples: ['contacts'],
});
const recordId = Type.String({
  minLength: 1,
  maxLength: 256,
  description: 'Id of a record.',
  examples: ['c-17'],
});

/** Path parameters are checked where they are used: what is not there is 404. */
const pathParameters = {
  name: Type.String({ description: 'Name of the object type.', examples: ['contacts'] }),
  type: Type.String({
    description: 'Name of the object type of the record.',
    examples: ['contacts'],
  }),
  id: Type.String({ description: 'Id of the record, percent-encoded.', examples: ['c-17'] }),
  slug: Type.String({ description: 'Slug of the segment or view.', examples: ['big-spenders'] }),
  activation: Type.String({ description: 'Id of the activation.' }),
};

export function path<Name extends keyof typeof pathParameters>(...names: Name[]) {
  const chosen = Object.fromEntries(names.map((name) => [name, pathParameters[name]]));
  return Type.Object(chosen as Pick<typeof pathParameters, Name>);
}

// ── bodies that are checked here ─────────────────────────────────────────────────────────────────────────────────────────

const SLUGS_MAX = 1000;
const LOOKUP_IDS_MAX = 10_000;

export const countsBody = Type.Object(
  {
    slugs: Type.Optional(
      Type.Array(Type.String(), {
        maxItems: SLUGS_MAX,
        description: 'Whose members to count; absent: all segments.',
      }),
    ),
    ...readParameters,
  },
  { additionalProperties: false, examples: [{ slugs: ['big-spenders'] }] },
);

export const lookupBody = Type.Object(
  {
    object_type: typeName,
    ids: Type.Array(Type.String(), {
      maxItems: LOOKUP_IDS_MAX,
      description: 'Ids of records; unknown ones are in no segment.',
    }),
    segments: Type.Array(Type.String(), {
      maxItems: SLUGS_MAX,
      description: 'Slugs of segments of this object type.',
    }),
    ...readParameters,
  },
  {
    additionalProperties: false,
    examples: [{ object_type: 'contacts', ids: ['c-17', 'c-18'], segments: ['big-spenders'] }],
  },
);

export const exportBody = Type.Object(
  {
    format: Type.Optional(Type.Enum(['ndjson', 'csv'], { default: 'ndjson' })),
    segment: Type.Optional(Type.String({ description: 'Only the members of this segment.' })),
  },
  { additionalProperties: false, examples: [{ format: 'csv', segment: 'big-spenders' }] },
);

/** Letters that one request may name. */
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

// ── forms with a name ────────────────────────────────────────────────────────────────────────────────────────────────────

const time = (description: string) =>
  Type.String({ format: 'date-time', description, examples: ['2026-01-31T09:30:00.000Z'] });

const nextCursor = Type.Union([Type.String(), Type.Null()], {
  description: 'Give it as cursor to get the next page; null on the last one.',
});

/** A page of something. */
export function pageOf(entry: TSchema): TObject {
  return Type.Object({ data: Type.Array(entry), next_cursor: nextCursor });
}

/** A page of entries whose members may be chosen with `?fields=`. */
export function pageOfFields(id: 'ObjectType' | 'Segment' | 'View'): TObject {
  const { properties } = NAMED_SCHEMAS.find((each) => '$id' in each && each.$id === id) as TObject;
  const chosen = Type.Unsafe<unknown>({
    type: 'object',
    description: 'The members that `fields` names.',
    properties,
    additionalProperties: false,
  });
  return pageOf(Type.Union([named(id), chosen]));
}

const operatorMembers = {
  name: Type.String({ examples: ['<='] }),
  words: Type.String({
    description: 'Stand between the attribute and the value.',
    examples: ['is at most'],
  }),
  value: Type.Enum([...VALUE_FORMS], {
    description:
      'one: a value; list: several; range: two ends; window: { amount, unit }; period: { unit }; none: no value; group: of rules.',
  }),
};

const operatorSchema = Type.Object({
  ...operatorMembers,
  complement_of: Type.Optional(
    Type.String({ description: 'Of a negated one: what it is the exact complement of.' }),
  ),
  compares_attributes: Type.Boolean({
    description: 'Whether `valueSource: "field"` names an attribute as its value.',
  }),
  takes_relative: Type.Boolean({
    description: 'Whether a value, or an end, may be relative to the present.',
  }),
  folds_case: Type.Boolean({
    description: 'Whether `caseInsensitive` may be said; of lists, those of strings.',
  }),
});
const failureReason = Type.String({
  description: 'Why it has failed, while its status is failed.',
});

const usedBy = Type.Array(Type.String(), {
  description: 'Slugs of the segments whose query refers to this one.',
});

const attribute = Type.Object(
  {
    type: Type.Enum([...SCALAR_TYPES, 'list', 'object']),
    of: Type.Optional(
      Type.Enum([...SCALAR_TYPES], {
        description: 'What a list holds; only and always with list.',
      }),
    ),
  },
  { additionalProperties: false },
);

const relationship = Type.Object(
  {
    to: Type.String({ description: 'A declared object type, or the type itself.' }),
    key: Type.String({
      description: 'The member of a record that holds the id, or the list of ids, of the target.',
    }),
    cardinality: Type.Optional(Type.Enum(['one', 'many'], { default: 'one' })),
    inverse: Type.String({
      description: 'What the target calls the way back; unique there, always to-many.',
    }),
  },
  { additionalProperties: false },
);

const definition = {
  attributes: Type.Record(Type.String(), attribute, { description: 'What can be filtered on.' }),
  relationships: Type.Record(Type.String(), relationship),
};

/** All examples are of this type, and can be sent as they stand, one after the other. */
const definitionExample = {
  attributes: {
    email: { type: 'string' },
    country: { type: 'string' },
    age: { type: 'number' },
    last_seen_at: { type: 'datetime' },
    tags: { type: 'list', of: 'string' },
  },
  relationships: {
    manager: { to: 'contacts', key: 'manager_id', cardinality: 'one', inverse: 'reports' },
  },
};

const queryExample = {
  combinator: 'and',
  rules: [
    { field: 'country', operator: 'in', value: ['US', 'CA'] },
    { field: 'age', operator: '>=', value: 18 },
  ],
};

const jsonLogicExample = {
  and: [{ in: [{ var: 'country' }, ['US', 'CA']] }, { '>=': [{ var: 'age' }, 18] }],
};

const dataExample = { email: 'ada@example.com', country: 'US', age: 36, tags: ['early'] };

const segmentMembers = {
  title: Type.String({ minLength: 1, maxLength: 200 }),
  slug,
  description: Type.Optional(Type.String({ maxLength: 4000 })),
  object_type: typeName,
  query: named('Query'),
};

const viewColumn = Type.Object(
  {
    path: Type.String({
      description:
        'An own attribute (email), a way of to-one relationships to one (organization.parent.name), id, created_at, updated_at or version; with an aggregate a to-many relationship (orders) or a number of its records (orders.total).',
    }),
    label: Type.Optional(
      Type.String({ minLength: 1, maxLength: 200, description: 'Unique; default: the path.' }),
    ),
    aggregate: Type.Optional(Type.Enum([...AGGREGATE_NAMES])),
    where: Type.Optional(named('RuleGroup')),
  },
  { additionalProperties: false },
);

const viewMembers = {
  title: segmentMembers.title,
  slug,
  description: segmentMembers.description,
  object_type: typeName,
  segment: Type.Optional(
    Type.String({ description: 'Slug of the segment whose members are shown; or a query.' }),
  ),
  query: Type.Optional(named('Query')),
  columns: Type.Array(viewColumn, { minItems: 1, maxItems: 200 }),
  relationships: Type.Optional(
    Type.Array(Type.String(), {
      maxItems: 20,
      description: 'Whose records are given along in JSON and NDJSON.',
    }),
  ),
  sort: Type.Optional(
    Type.Array(
      Type.Object(
        {
          path: Type.String({
            description: 'An own attribute, id, created_at, updated_at or version.',
          }),
          direction: Type.Enum(['asc', 'desc']),
        },
        { additionalProperties: false },
      ),
      {
        maxItems: 5,
        description: 'Missing values come last, equal ones in the order of their ids.',
      },
    ),
  ),
};

const viewExample = {
  title: 'Big spenders',
  slug: 'big-spenders',
  object_type: 'contacts',
  segment: 'big-spenders',
  columns: [
    { path: 'email', label: 'E-mail' },
    { path: 'manager.email', label: 'Manager' },
    { path: 'reports.age', aggregate: 'avg', label: 'Age of reports' },
  ],
  sort: [{ path: 'email', direction: 'asc' }],
};

const rowExample = {
  id: 'c-17',
  email: 'ada@example.com',
  'manager.email': null,
  'Age of reports': 41.5,
};

/** The three forms of the rows of a view. */
export const rowsAnswer = Type.Unsafe<unknown>({
  content: {
    'application/json': { schema: pageOf(named('Row')) },
    'application/x-ndjson': {
      schema: Type.String({ description: 'A row in each line; all of them.' }),
    },
    'text/csv': {
      schema: Type.String({ description: 'RFC 4180: a header of labels, then all rows.' }),
    },
  },
});

const segmentExample = {
  title: 'Big spenders',
  slug: 'big-spenders',
  object_type: 'contacts',
  query: queryExample,
};

const recordExample = {
  object_type: 'contacts',
  id: 'c-17',
  data: dataExample,
  version: 3,
  source_version: 1_700_000_012,
  created_at: '2026-01-30T08:00:00.000Z',
  updated_at: '2026-01-31T09:30:00.000Z',
  archived_at: null,
};

const activationInput = {
  url: Type.String({
    format: 'uri',
    description:
      'http or https, at a public address unless ROLLCALL_WEBHOOK_ALLOW says otherwise; redirects are not followed.',
    examples: ['https://example.com/hooks/rollcall'],
  }),
  secret: Type.Optional(
    Type.String({ description: 'whsec_ and the base64 of 24 to 64 bytes; absent: one is made.' }),
  ),
  events: Type.Optional(
    Type.Array(Type.Enum(['entered', 'left']), {
      minItems: 1,
      uniqueItems: true,
      default: ['entered', 'left'],
    }),
  ),
};

const activationExample = {
  url: 'https://example.com/hooks/rollcall',
  events: ['entered', 'left'],
};

const timeOrNull = (description: string) => Type.Union([time(description), Type.Null()]);

const activation = {
  id: Type.String({ format: 'uuid' }),
  view: Type.String({ description: 'Slug of the view.' }),
  url: Type.String(),
  events: Type.Array(Type.Enum(['entered', 'left'])),
  status: Type.Enum(['active', 'disabled'], {
    description:
      'disabled: too many failures in a row, or the receiver answered 410. Events are kept until it is enabled.',
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

export const NAMED_SCHEMAS: readonly TSchema[] = [
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
  Type.Object(
    {
      attributes: Type.Optional(definition.attributes),
      relationships: Type.Optional(definition.relationships),
    },
    { $id: 'ObjectTypeDefinition', examples: [definitionExample] },
  ),
  Type.Object(
    { name: Type.String({ pattern: NAME.source }), ...definition },
    { $id: 'ObjectType', examples: [{ name: 'contacts', ...definitionExample }] },
  ),
  Type.Object(
    {
      types: Type.Record(Type.String(), Type.Array(operatorSchema), {
        description: 'By the type of the attribute.',
      }),
      to_one: Type.Array(operatorSchema, { description: 'Of a relationship to one.' }),
      to_many: Type.Array(Type.Object(operatorMembers), {
        description: 'Of a relationship to many: with `match`.',
      }),
      record: Type.Array(Type.Object(operatorMembers), {
        description: 'Of the record itself: with an empty field.',
      }),
      match_modes: Type.Array(
        Type.Object({
          name: Type.String(),
          words: Type.String(),
          threshold: Type.Boolean({ description: 'Whether it takes one.' }),
        }),
      ),
      aggregates: Type.Array(
        Type.Object({
          name: Type.String(),
          words: Type.String(),
          of: Type.Enum([...TAKEN_OF_KINDS], {
            description: 'What the attribute must be that it is taken of.',
          }),
        }),
        { description: 'Each is compared by the operators of numbers.' },
      ),
      relative: Type.Object(
        { anchors: Type.Array(Type.String()), units: Type.Array(Type.String()) },
        { description: 'Of `{ "mode": "relative", "anchor", "offset", "unit" }`.' },
      ),
      window_units: Type.Array(Type.String()),
      period_units: Type.Array(Type.String()),
    },
    { $id: 'Operators' },
  ),
  Type.Intersect(
    [
      named('ObjectType'),
      Type.Object({
        inverse_relationships: Type.Record(
          Type.String(),
          Type.Object({
            type: typeName,
            relationship: Type.String({ description: 'Its name there.' }),
          }),
          {
            description:
              'The ways to those whose relationships lead here: by their name here, where they are declared.',
          },
        ),
      }),
    ],
    {
      $id: 'ObjectTypeShown',
      examples: [
        {
          name: 'contacts',
          ...definitionExample,
          inverse_relationships: { orders: { type: 'orders', relationship: 'contact' } },
        },
      ],
    },
  ),
  Type.Record(Type.String(), Type.Unknown(), {
    $id: 'Attributes',
    description:
      'Values by attribute. Declared ones are checked strictly ("7" is no number); others are stored and can not be filtered on. null is no value: in a patch it removes the attribute.',
    examples: [dataExample],
  }),
  Type.Object(
    {
      object_type: typeName,
      id: recordId,
      data: named('Attributes'),
      version: Type.Integer({ description: 'Counts the revisions of the record.' }),
      source_version: Type.Optional(
        Type.Integer({ description: 'The highest that the source gave.' }),
      ),
      created_at: time('When it was first put.'),
      updated_at: time('When it was last changed.'),
      archived_at: Type.Union([time('Since when it is in no segment.'), Type.Null()]),
    },
    { $id: 'Record', examples: [recordExample] },
  ),
  Type.Intersect(
    [
      named('Record'),
      Type.Object({
        included: Type.Optional(
          Type.Record(
            Type.String(),
            Type.Union([named('Record'), Type.Null(), pageOf(named('Record'))], {
              description:
                'A to-one relationship: the record, or null if there is no live one. A to-many one: a page.',
            }),
            {
              description:
                'By name, the relationships that `include` names; archived records are left out.',
            },
          ),
        ),
      }),
    ],
    {
      $id: 'RecordWithIncluded',
      examples: [
        {
          ...recordExample,
          included: {
            manager: { ...recordExample, id: 'c-16', data: { email: 'grace@example.com' } },
            reports: { data: [], next_cursor: null },
          },
        },
      ],
    },
  ),
  Type.Object(
    {
      object_type: typeName,
      id: recordId,
      status: Type.Enum(['accepted', 'ignored'], {
        description:
          'accepted: in the log, and will be applied. ignored: a newer change had deleted the record, so there is none to show.',
      }),
    },
    { $id: 'Receipt', examples: [{ object_type: 'contacts', id: 'c-17', status: 'accepted' }] },
  ),
  Type.Object(
    {
      op: Type.Enum([...OPERATIONS]),
      object_type: typeName,
      id: recordId,
      data: Type.Optional(named('Attributes')),
      source_version: sourceVersion,
    },
    {
      $id: 'Change',
      additionalProperties: false,
      examples: [{ op: 'patch', object_type: 'contacts', id: 'c-17', data: { age: 37 } }],
    },
  ),
  Type.Array(named('Change'), {
    $id: 'Changes',
    examples: [
      [
        { op: 'put', object_type: 'contacts', id: 'c-17', data: dataExample },
        { op: 'patch', object_type: 'contacts', id: 'c-17', data: { age: 37 } },
      ],
    ],
  }),
  Type.Object(
    {
      accepted: Type.Integer({
        description: 'Changes that are in the log; older ones that were ignored included.',
      }),
      rejected: Type.Array(
        Type.Object({
          line: Type.Integer({
            minimum: 1,
            description: 'Line of the body, blank ones counted; in an array index + 1.',
          }),
          code: Type.String({ description: 'As in problem documents.' }),
          detail: Type.String(),
          path: Type.Optional(Type.String({ description: 'JSON pointer into the change.' })),
        }),
        { description: 'In the order of their lines; at most the first 10000.' },
      ),
      rejected_total: Type.Optional(
        Type.Integer({ description: 'All rejected lines, if more than are listed.' }),
      ),
      position: Type.String({ description: 'Names the end of what was accepted in the logs.' }),
    },
    {
      $id: 'ChangesReport',
      examples: [
        {
          accepted: 2,
          rejected: [
            {
              line: 3,
              code: 'attribute_invalid',
              detail: "'age' must be a finite number",
              path: '/data/age',
            },
          ],
          position: 'W1swLCIxNzAwMC0wIl1d',
        },
      ],
    },
  ),
  ...FILTER_SCHEMAS.map((schema) =>
    Type.Unsafe(
      schema['$id'] === 'Query'
        ? { ...schema, examples: [queryExample, jsonLogicExample] }
        : schema,
    ),
  ),
  Type.Object(segmentMembers, {
    $id: 'SegmentInput',
    additionalProperties: false,
    examples: [segmentExample],
  }),
  Type.Object(
    {
      title: Type.Optional(segmentMembers.title),
      description: Type.Optional(Type.Union([Type.String({ maxLength: 4000 }), Type.Null()])),
      query: Type.Optional(segmentMembers.query),
    },
    { $id: 'SegmentPatch', additionalProperties: false, examples: [{ title: 'Bigger spenders' }] },
  ),
  Type.Object(
    {
      id: Type.String({ format: 'uuid' }),
      ...segmentMembers,
      json_logic: named('JsonLogic'),
      status: Type.Enum(['building', 'ready', 'failed']),
      reason: Type.Optional(failureReason),
      progress: Type.Number({
        minimum: 0,
        maximum: 1,
        description: 'The share of records that were looked at so far.',
      }),
      revision: Type.Integer({ minimum: 1, description: 'Counts edits.' }),
      used_by: usedBy,
      created_at: time('When it was created.'),
      updated_at: time('When it was last edited.'),
    },
    {
      $id: 'Segment',
      examples: [
        {
          id: '5a0c8b1e-6f0e-4c57-9d0b-0a52b9d2b6a1',
          ...segmentExample,
          json_logic: jsonLogicExample,
          status: 'ready',
          progress: 1,
          revision: 1,
          used_by: [],
          created_at: '2026-01-30T08:00:00.000Z',
          updated_at: '2026-01-30T08:00:00.000Z',
        },
      ],
    },
  ),
  Type.Object(
    {
      counts: Type.Array(
        Type.Object({
          slug,
          count: Type.Union([Type.Integer(), Type.Null()], {
            description: 'A number exactly when status is ready.',
          }),
          status: Type.Enum(['ready', 'building', 'timeout', 'failed']),
          revision: Type.Union([Type.Integer(), Type.Null()], {
            description:
              'The revision of the segment that the number is of; while an edit is built, the one before.',
          }),
        }),
      ),
      as_of: Type.String({
        description: 'Names the instant of the numbers: where each partition stood.',
      }),
    },
    {
      $id: 'Counts',
      examples: [
        {
          counts: [{ slug: 'big-spenders', count: 1204, status: 'ready', revision: 1 }],
          as_of: 'W1sxMiwiMTcwMC0wIl1d',
        },
      ],
    },
  ),
  Type.Object(
    { id: recordId, record: Type.Optional(named('Record')) },
    { $id: 'Member', examples: [{ id: 'c-17' }] },
  ),
  Type.Object(viewMembers, {
    $id: 'ViewInput',
    additionalProperties: false,
    description: 'Exactly one of segment and query.',
    examples: [viewExample],
  }),
  Type.Partial(Type.Object(viewMembers), {
    $id: 'ViewPatch',
    description:
      'null removes what is optional; a segment takes the place of the query, and the other way round.',
    examples: [{ title: 'Bigger spenders' }],
  }),
  Type.Object(
    {
      id: Type.String({ format: 'uuid' }),
      ...viewMembers,
      json_logic: Type.Optional(Type.Unknown({ description: 'Its own query as JsonLogic.' })),
      status: Type.Optional(
        Type.Enum(['building', 'ready', 'failed'], { description: 'Of its own query.' }),
      ),
      reason: Type.Optional(failureReason),
      progress: Type.Optional(
        Type.Number({ minimum: 0, maximum: 1, description: 'Of its own query.' }),
      ),
      revision: Type.Integer({ minimum: 1, description: 'Counts edits.' }),
      created_at: time('When it was created.'),
      updated_at: time('When it was last edited.'),
    },
    {
      $id: 'View',
      examples: [
        {
          id: '0d6f4b0c-8a1e-4b9a-9c55-6f0d6a3c7a10',
          ...viewExample,
          revision: 1,
          created_at: '2026-01-30T08:00:00.000Z',
          updated_at: '2026-01-30T08:00:00.000Z',
        },
      ],
    },
  ),
  Type.Unsafe({
    $id: 'Row',
    type: 'object',
    additionalProperties: true,
    description:
      'The id and one field per column: its path, or of an aggregate its label; null where there is no value. `relationships` holds those that the view names: a record or null, of many a page of the first ones.',
    examples: [rowExample],
  }),
  Type.Array(
    Type.Union([
      Type.Object({
        object_type: Type.String({
          description: 'object_types, segments, views, or a declared object type: a record of it.',
        }),
        id: Type.Optional(
          Type.String({ description: 'Of a record whose attributes hold an id themselves.' }),
        ),
        data: Type.Record(Type.String(), Type.Unknown(), {
          description:
            'What a client says of the definition; of a record its id and its attributes, where {{getRecordAttribute(object_type, field, value)}} stands for an id, and after a backslash for itself.',
        }),
      }),
      named('SegmentInput'),
    ]),
    {
      $id: 'Seed',
      examples: [
        [
          { object_type: 'object_types', data: { name: 'contacts', ...definitionExample } },
          { object_type: 'segments', data: segmentExample },
          { object_type: 'contacts', data: { id: 'c-16', email: 'grace@example.com' } },
          {
            object_type: 'contacts',
            data: {
              id: 'c-17',
              manager_id: '{{getRecordAttribute(contacts, email, "grace@example.com")}}',
            },
          },
        ],
      ],
    },
  ),
  Type.Object(
    {
      create: Type.Array(named('SeedEntry')),
      update: Type.Array(named('SeedEntry')),
      unchanged: Type.Array(named('SeedEntry')),
      errors: Type.Array(Type.Unknown(), {
        description: 'Of a dry run: each item that would be refused, and why.',
      }),
      totals: Type.Object({
        create: Type.Integer(),
        update: Type.Integer(),
        unchanged: Type.Integer(),
      }),
    },
    {
      $id: 'SeedReport',
      examples: [
        {
          create: [{ object_type: 'segments', slug: 'big-spenders' }],
          update: [{ object_type: 'contacts', id: 'c-17', changed: ['age'] }],
          unchanged: [{ object_type: 'object_types', name: 'contacts' }],
          errors: [],
          totals: { create: 1, update: 1, unchanged: 1 },
        },
      ],
    },
  ),
  Type.Object(
    {
      object_type: Type.String(),
      name: Type.Optional(Type.String()),
      slug: Type.Optional(Type.String()),
      id: Type.Optional(Type.String()),
      changed: Type.Optional(
        Type.Array(Type.String(), { description: 'The members that become others.' }),
      ),
    },
    {
      $id: 'SeedEntry',
      examples: [{ object_type: 'segments', slug: 'big-spenders', changed: ['query'] }],
    },
  ),
  Type.Unsafe({
    $id: 'ImportedRecord',
    type: 'object',
    description:
      'A line: a record as the API gives it, of which id, data and source_version are read, or flat: its id among its attributes. An object `data` always holds the attributes.',
    additionalProperties: true,
    examples: [
      { id: 'c-17', data: dataExample },
      { id: 'c-17', ...dataExample },
    ],
  }),
  Type.String({
    $id: 'RecordTable',
    description:
      'CSV (RFC 4180) with a header. Empty: no value. Numbers with a point; true and false in any letters; dates as YYYY-MM-DD, times as 2026-01-31T10:30:00+01:00 or 2026-01-31 10:30 (decimal, true, false and dates say otherwise); lists as a,b or as JSON; objects as JSON. A row has as many cells as the header.',
    examples: ['id,age,vip,tags\nc-17,36,true,"early,paying"\n'],
  }),
  Type.Object(
    {
      id: Type.String(),
      kind: Type.Enum(['seed', 'import', 'export']),
      asked: Type.Record(Type.String(), Type.Unknown(), { description: 'What the job is to do.' }),
      status: Type.Enum(['waiting', 'running', 'completed', 'failed']),
      progress: Type.Object({
        done: Type.Integer({ description: 'Rows or records so far.' }),
        total: Type.Optional(Type.Integer({ description: 'All of them, where that is known.' })),
      }),
      result: Type.Optional(Type.Unknown({ description: 'What came of it, as far as it is.' })),
      problem: Type.Optional(
        Type.Object(
          { code: Type.String(), detail: Type.String() },
          { description: 'Why it failed.' },
        ),
      ),
      errors: Type.Array(
        Type.Object({
          line: Type.Optional(Type.Integer()),
          code: Type.String(),
          detail: Type.String(),
          path: Type.Optional(Type.String()),
        }),
        { description: 'The first of them; all are at /v1/jobs/:id/errors.' },
      ),
      errors_total: Type.Integer(),
      created_at: time('When it was asked for.'),
      finished_at: Type.Union([time('When it ended.'), Type.Null()]),
    },
    {
      $id: 'Job',
      examples: [
        {
          id: 'job-5a0c8b1e-6f0e-4c57-9d0b-0a52b9d2b6a1',
          kind: 'import',
          asked: {
            object_type: 'contacts',
            format: 'csv',
            op: 'put',
            id_column: 0,
            columns: [null, 'age'],
          },
          status: 'completed',
          progress: { done: 1000, total: 1000 },
          result: { accepted: 999, rejected: 1, skipped: 0, unknown_columns: [] },
          errors: [
            {
              line: 17,
              code: 'attribute_invalid',
              detail: "'age' must be a number, not 'old'",
              path: '/data/age',
            },
          ],
          errors_total: 1,
          created_at: '2026-01-30T08:00:00.000Z',
          finished_at: '2026-01-30T08:00:02.000Z',
        },
      ],
    },
  ),
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
    },
    { $id: 'ActivationPatch', additionalProperties: false, examples: [{ events: ['entered'] }] },
  ),
  Type.Object(activation, { $id: 'Activation', examples: [activationShown] }),
  Type.Object(
    {
      ...activation,
      secret: Type.Optional(
        Type.String({ description: 'If it was made here. Keep it: it is not shown again.' }),
      ),
    },
    { $id: 'CreatedActivation', examples: [{ ...activationShown, secret: 'whsec_…' }] },
  ),
  Type.Object(
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
  ),
  Type.Object(
    {
      id: Type.String({ format: 'uuid', description: 'Is in each of its events, as data.sync.' }),
      status: Type.Enum(['running', 'done', 'failed'], {
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
  ),
  Type.Object(
    {
      id: Type.String({ description: 'The webhook-id that it was and will be sent with.' }),
      event: Type.Unknown({ description: 'The body: type, timestamp, data.' }),
      error: Type.String({ description: 'Of the last attempt.' }),
      attempts: Type.Integer(),
      at: time('When it was given up.'),
    },
    { $id: 'DeadLetter' },
  ),
];

// ── answers ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

const MEANINGS: Readonly<Record<string, string>> = {
  200: 'Done; this is how it stands.',
  201: 'Created.',
  202: 'Acknowledged and in the log; not known to be applied yet.',
};

/** The answers of a route: what it gives when all goes well, and the codes of what may go wrong. */
export function answers(
  success: Record<number, TSchema>,
  ...codes: ErrorCode[]
): Record<string, TSchema> {
  const failures = new Map<number, ErrorCode[]>();
  // Whatever reads JSON refuses numbers that would be altered.
  if (codes.includes('body_malformed')) codes.push('number_inexact');
  for (const code of codes)
    failures.set(ERRORS[code].status, [...(failures.get(ERRORS[code].status) ?? []), code]);
  const told = Object.entries(success).map(([status, schema]) => [
    status,
    { description: MEANINGS[status], ...schema },
  ]);
  const refused = [...failures].map(([status, some]) => [status, problemAnswer(some)]);
  return Object.fromEntries([...told, ...refused]);
}

/** An answer whose body is a problem document with one of these codes. */
export function problemAnswer(codes: readonly ErrorCode[]): TSchema {
  return Type.Unsafe({
    description: codes.map((code) => `\`${code}\`: ${ERRORS[code].title}.`).join(' '),
    content: { 'application/problem+json': { schema: named('Problem') } },
  });
}

export const NO_CONTENT = Type.Null({ description: 'Done; there is nothing to say.' });
