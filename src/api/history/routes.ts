/**
 * routes.ts – `/v1/segments/history`: how many members segments had, hour by hour or day by day.
 */
import { beginOfDate, readOperand } from '../../change/value.ts';
import { Problem } from '../../errors.ts';
import type { HistoryPoint } from '../../history/segment-history.ts';
import { named } from '../fields.ts';
import { route } from '../route.ts';
import { isoTime } from '../times.ts';
import { historyBody } from './schemas.ts';

const readHistory = route({
  method: 'POST',
  path: '/v1/segments/history',
  need: 'read',
  summary: 'How many members segments had, and how many entered and left',
  description:
    'By the hour for 90 days, by the day after; the running one is there, so far. It is what the ' +
    'change feed has told, so that an edit counts as who entered and left by it.',
  body: historyBody,
  answers: { 200: named('History') },
  refusals: ['body_malformed', 'segment_unknown', 'body_invalid', 'not_caught_up'],
  handler: async (request, { deployment: { history, founding }, held }, reply) => {
    const { slugs, from, to, step } = request.body;
    const span = {
      fromMs: momentOf(from, '/from', founding.timeZone),
      toMs: momentOf(to, '/to', founding.timeZone),
      step,
    };
    return held.send(request, reply, async () => {
      const points = await history.read(slugs, span);
      const bySlug = [...points].map(([slug, each]) => [slug, each.map(formatPoint)]);
      return Buffer.from(JSON.stringify({ history: Object.fromEntries(bySlug) }));
    });
  },
});

export const HISTORY_ROUTES = { readHistory };

function formatPoint({ at, count, entered, left }: HistoryPoint) {
  return { at: isoTime(at), count, entered, left };
}

/** A date is its first moment. @throws Problem body_invalid */
function momentOf(value: string, path: string, timeZone: string): number {
  const moment = beginOfDate(value, timeZone) ?? readOperand('datetime', value, timeZone);
  if (typeof moment === 'string') return Date.parse(moment);
  const detail = 'it is no date and no datetime, such as 2026-01-31T09:30:00.000Z';
  throw new Problem('body_invalid', detail, [{ path, detail }]);
}
