/**
 * poison.test.ts – What kills the process that works on it is set aside after three deaths, alone, and all else goes on: no
 * input that was accepted stops a deployment. Whoever is killed for other reasons leaves nothing behind that is set aside.
 */
import { afterEach, describe, expect, inject, it } from 'vitest';
import type { Change } from '../../src/change/change.ts';
import type { Deployment } from '../../src/engine/deployment.ts';
import { differences, eventually, openTestDeployment, send } from '../support/deployment.ts';
import { freshPrefix } from '../support/redis.ts';
import type { VictimOrder } from '../support/victim.ts';
import { startVictims, type Victims } from '../support/victims.ts';

const FATAL = 13;
const SETTLED_MS = 60_000;

const opened: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
});

interface Trial {
  readonly deployment: Deployment;
  start(how?: VictimOrder['how'], when?: VictimOrder['when']): Victims;
}

/** A deployment that works nothing off, and workers that can't bear FATAL. */
async function trial(partitions = 2): Promise<Trial> {
  const prefix = freshPrefix();
  const deployment = await openTestDeployment({ prefix, partitions, runsWorker: false });
  opened.push(deployment);
  return {
    deployment,
    start: (how = 'exit', when = 'live') => {
      const victims = startVictims({ redisUrl: inject('redisUrl'), prefix, partitions, fatal: FATAL, how, when });
      opened.push({ close: () => victims.stop() });
      return victims;
    },
  };
}

const rule = (field: string, operator: string, value: unknown) => ({
  combinator: 'and',
  rules: [{ field, operator, value }],
});

async function declare({ objectTypes, segments }: Deployment): Promise<void> {
  await objectTypes.put('contacts', { attributes: { n: { type: 'number' } } });
  await segments.create({ title: 'low', slug: 'low', object_type: 'contacts', query: rule('n', '<', 50) });
}

const put = (n: number): Change => ({ op: 'put', object_type: 'contacts', id: `r${n}`, data: { n } });
const numbers = (count: number) => Array.from({ length: count }, (_, n) => n);
const documents = (ns: readonly number[]) => ns.map((n) => ({ id: `r${n}`, document: { n } }));

async function letters({ redis, keys }: Deployment): Promise<Record<string, string>[]> {
  const all = await Promise.all(keys.partitions.map(({ dead }) => redis.xrange(dead, '-', '+')));
  return all.flat().map(([, fields]) => {
    const pairs = fields.flatMap((name, at) => (at % 2 === 0 ? [[name, fields[at + 1]!] as const] : []));
    return Object.fromEntries(pairs);
  });
}

const settled = (deployment: Deployment) =>
  eventually(
    'all is applied and built',
    async () => {
      await deployment.store.refresh();
      const isBuilt = [...deployment.store.catalog.ordinals.values()].every(({ status }) => status === 'ready');
      return isBuilt && (await deployment.memberships.lag()).entries === 0;
    },
    SETTLED_MS,
  );

describe.each(['exit', 'kill', 'heap'] as const)('a change under which the process dies (%s)', { timeout: 120_000 }, (how) => {
  it('is set aside after three deaths, alone and by its name, and all others are applied', async () => {
    const { deployment, start } = await trial();
    await declare(deployment);
    await send(deployment, numbers(60).map(put), 'accepted');
    const victims = start(how);
    await settled(deployment);
    expect(victims.deaths).toBe(3);
    expect(await letters(deployment)).toMatchObject([
      {
        code: 'change_failed',
        detail: 'the process died 3 times under this change',
        letter: JSON.stringify(put(FATAL)),
      },
    ]);
    expect(await differences(deployment, documents(numbers(60).filter((n) => n !== FATAL)))).toEqual([]);
    // What comes next is applied as ever, and the next death begins to count anew.
    expect(await send(deployment, [put(61), put(62)])).toBe(2);
    expect(victims.deaths).toBe(3);
  });
});
