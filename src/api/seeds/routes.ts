/**
 * routes.ts – `/v1/seeds`: definitions, and records if asked for, from one deployment to another.
 *
 * Keeps true: importing a seed twice changes nothing; its body is held only if it is taken over
 * within the request.
 */
import { Readable } from 'node:stream';
import Type from 'typebox';
import type { Edit } from '../../catalog/edit.ts';
import { DEFINITION_KINDS } from '../../catalog/seeds.ts';
import type { Deployment } from '../../engine/deployment.ts';
import { Problem } from '../../errors.ts';
import {
  applyDefinitions,
  applyRecords,
  examineSeed,
  type GivenItem,
  refuseFaulty,
  type SeedSource,
} from '../../jobs/seeding.ts';
import { preferredForm } from '../accepts.ts';
import { ARRAY_BYTES_MAX } from '../changes/body.ts';
import { editOf } from '../edits.ts';
import { named } from '../fields.ts';
import { sendAccepted } from '../jobs/format.ts';
import { LINES_TYPE } from '../media-types.ts';
import { route } from '../route.ts';
import { type SeedPieces, seedPieces } from './body.ts';
import { asArray, asLines, readSeedInclude, seedItems } from './export.ts';

const LINES = 'application/x-ndjson';
const FORMS = ['application/json', LINES] as const;

/**
 * Entries of each list in an answer: more than a body that is taken over within the request can
 * hold.
 */
const LISTED_MAX = 1_000_000;

const flag = (description: string) => Type.Optional(Type.Boolean({ default: false, description }));

const exportSeed = route({
  method: 'GET',
  path: '/v1/seeds',
  need: 'read',
  summary: 'Export definitions as a seed',
  description:
    'Each after those that it refers to, without ids and times; of records the live ones, ' +
    'without their histories. Imported into an empty deployment it makes the same. Streamed; ' +
    'as NDJSON, an item a line, if Accept asks for it.',
  query: Type.Object({
    include: Type.Optional(
      Type.String({
        default: DEFINITION_KINDS.join(','),
        description: `Of ${DEFINITION_KINDS.join(', ')} and records:<type>, separated by commas.`,
        examples: ['object_types,segments,views,records:contacts'],
      }),
    ),
  }),
  answers: { 200: named('Seed') },
  refusals: ['parameter_invalid', 'object_type_unknown', 'not_caught_up'],
  handler: async (request, { deployment, held }, reply) => {
    const { query, headers } = request;
    const { kinds, types } = await readSeedInclude(query.include ?? '', deployment);
    const items = seedItems(deployment, kinds, types);
    const isLines = preferredForm(headers.accept, FORMS) === LINES;
    return held.stream(request, reply, async () =>
      isLines
        ? reply.type(LINES).send(Readable.from(asLines(items)))
        : reply.type('application/json; charset=utf-8').send(Readable.from(asArray(items))),
    );
  },
});

const importSeed = route({
  method: 'POST',
  path: '/v1/seeds',
  need: 'write_catalog',
  summary: 'Import a seed',
  description:
    'In the order that the items need, whatever order they are in. All or nothing: a fault in ' +
    'one item changes nothing, and each fault is named by its pointer. What is there already ' +
    'is left alone; what is in it twice is refused. A segment may be an item as it is, without ' +
    'an envelope. A JSON array may have up to 16 MB; as NDJSON, an item a line, and with ' +
    'async=true a seed may be of any size.',
  bodyBytesMax: ARRAY_BYTES_MAX,
  readBodies: (app) =>
    app.addContentTypeParser(LINES_TYPE, async (_: unknown, payload: Readable) => payload),
  query: Type.Object({
    dry_run: flag('Only tell what would be done.'),
    async: flag('Answer at once with a job (202).'),
  }),
  body: {
    content: {
      'application/json': { schema: named('Seed') },
      'application/x-ndjson': { schema: named('Seed') },
    },
  },
  answers: { 200: named('SeedReport'), 202: named('Job') },
  refusals: [
    'parameter_invalid',
    'body_malformed',
    'body_too_long',
    'content_type_unsupported',
    'body_invalid',
    'seed_invalid',
    'catalog_conflict',
    'catalog_full',
    'not_caught_up',
    'overloaded',
  ],
  handler: async (request, { deployment, jobs }, reply) => {
    const { query, body } = request;
    const { dry_run: isDryRun = false, async: isJob = false } = query;
    const pieces = seedPieces(body);
    const edit = editOf(request);
    if (!isJob) return takeOver(await gather(pieces), isDryRun, edit, deployment);
    const id = jobs.newId();
    try {
      let total = 0;
      for await (const piece of pieces) {
        await jobs.store.pushInput(id, piece);
        total += piece.length;
      }
      const job = await jobs.add(id, 'seed', { dry_run: isDryRun, by: edit.by }, { total });
      return sendAccepted(reply, job);
    } catch (error) {
      await jobs.store.drop(id).catch(() => {}); // it ends by itself
      throw error;
    }
  },
});

export const SEED_ROUTES = { exportSeed, importSeed };

/** All items of a seed that is taken over within the request. @throws Problem body_too_long */
async function gather(pieces: SeedPieces): Promise<GivenItem[][]> {
  const all: GivenItem[][] = [];
  let bytes = 0;
  for await (const piece of pieces) {
    bytes += JSON.stringify(piece).length;
    if (bytes > 2 * ARRAY_BYTES_MAX)
      throw new Problem(
        'body_too_long',
        `a seed of more than ${ARRAY_BYTES_MAX} bytes is sent with ?async=true`,
      );
    all.push(piece);
  }
  return all;
}

async function takeOver(
  pieces: readonly GivenItem[][],
  isDryRun: boolean,
  edit: Edit,
  deployment: Deployment,
): Promise<unknown> {
  const source: SeedSource = async function* () {
    yield* pieces;
  };
  const examined = await examineSeed(source, deployment, LISTED_MAX);
  if (!isDryRun) {
    refuseFaulty(examined);
    await applyDefinitions(examined, edit, deployment);
    for (const piece of pieces) await applyRecords(piece, examined.lookups, deployment);
  }
  return { ...examined.plan, totals: examined.totals };
}
