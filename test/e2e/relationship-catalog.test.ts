/**
 * relationship-catalog.test.ts – What happens to relationships when the catalog changes, and that
 * an audit sees whatever is wrong in the rows that they are kept in.
 */
import { afterEach, describe, expect, it } from 'vitest';
import type { Change } from '../../src/change/change.ts';
import { partitionOf } from '../../src/change/partition.ts';
import { audit } from '../../src/membership/audit.ts';
import type { AuditReport } from '../../src/membership/audit-report.ts';
import { hopNamed } from '../../src/query/predicate/relationships.ts';
import { unpackNeighbour, unpackRelated } from '../../src/redis/rows/neighbour-row.ts';
import type { TestDeployment } from '../support/client.ts';
import {
  built,
  createSegment,
  eventually,
  openTestDeployment,
  send,
} from '../support/deployment.ts';

const PARTITIONS = 4;
const organizations = { attributes: { industry: { type: 'string' } } };
const attributes = { age: { type: 'number' } };
const relationships = {
  organization: {
    to: 'organizations',
    key: 'organization_id',
    cardinality: 'one',
    inverse: 'contacts',
  },
};

let deployment: TestDeployment;
afterEach(() => deployment.close());

async function open(contacts: unknown = { attributes, relationships }): Promise<void> {
  deployment = await openTestDeployment({ partitions: PARTITIONS });
  await deployment.objectTypes.put('organizations', organizations);
  await deployment.objectTypes.put('contacts', contacts);
  await built(deployment);
}

const all = (...rules: object[]) => ({ combinator: 'and', rules });
const inSaas = all({ field: 'organization.industry', operator: '=', value: 'SaaS' });
const someOver = (age: number) =>
  all({
    field: 'contacts',
    match: { mode: 'some' },
    value: all({ field: 'age', operator: '>', value: age }),
  });

function organization(id: string, industry: string): Change {
  return { op: 'put', object_type: 'organizations', id, data: { industry } };
}

function contact(id: string, organizationId: string, age: number): Change {
  return { op: 'put', object_type: 'contacts', id, data: { age, organization_id: organizationId } };
}

/** 40 contacts of each of o0, o1 and o2; ages 0 to 119. */
const contacts = Array.from({ length: 120 }, (_, at) => contact(`c${at}`, `o${at % 3}`, at));
const three = [
  organization('o0', 'SaaS'),
  organization('o1', 'Retail'),
  organization('o2', 'SaaS'),
];

async function countOf(slug: string): Promise<number | null> {
  return (await deployment.segmentCounts.read([slug])).counts[0]!.count;
}

function audited(): Promise<AuditReport> {
  return audit(deployment, { timeoutMs: 10_000 });
}

/** The keys of rows and sets at both ends of relationships, whichever. */
async function edgeKeys(): Promise<string[]> {
  const { redis, keys } = deployment;
  const [prefix] = keys.partitions[0]!.meta.split('{');
  return (await redis.keys(`${prefix}*`)).filter((key) =>
    /:(neighbours|related|holders|values):/.test(key),
  );
}

/**
 * From the next change of the catalog on, nothing that is built is switched to until the answer is
 * called.
 */
function holdCatalog(): () => void {
  const { store } = deployment;
  const write = store.write.bind(store);
  let changes = 0;
  store.write = (make) => (changes++ === 0 ? write(make) : Promise.resolve());
  return () => {
    store.write = write;
  };
}

describe('a relationship', () => {
  it('that is declared after its records exist is built', async () => {
    await open({ attributes });
    await send(deployment, [...contacts, ...three]);
    await deployment.objectTypes.put('contacts', { attributes, relationships });
    await createSegment(deployment, 'in-saas', 'contacts', inSaas);
    await createSegment(deployment, 'with-the-old', 'organizations', someOver(118));
    expect(await countOf('in-saas')).toBe(80);
    expect(await countOf('with-the-old')).toBe(1);
    const { objectTypes } = deployment.store.catalog;
    const hop = hopNamed(objectTypes.get('organizations')!, 'contacts', objectTypes)!;
    const [record] = await deployment.records.some('organizations', ['o1']);
    const page = await deployment.related.page({ id: 'o1', record: record! }, hop, {
      limit: 100,
      cursor: undefined,
    });
    expect(page.data).toHaveLength(40);
    await send(deployment, [organization('o1', 'SaaS'), contact('c119', 'o0', 3)]);
    expect([await countOf('in-saas'), await countOf('with-the-old')]).toEqual([120, 0]);
    expect(await audited()).toMatchObject({ differences: 0, edges: 1, segments: 2 });
  });

  it('that segments of either end use is not removed, and the refusal names them', async () => {
    await open();
    await createSegment(deployment, 'in-saas', 'contacts', inSaas);
    await createSegment(deployment, 'with-the-old', 'organizations', someOver(100));
    await createSegment(
      deployment,
      'grown-up',
      'contacts',
      all({ field: 'age', operator: '>', value: 18 }),
    );
    const removal = deployment.objectTypes.put('contacts', { attributes });
    await expect(removal).rejects.toMatchObject({
      code: 'object_type_in_use',
      extra: { used_by: ['in-saas', 'with-the-old'] },
    });
    await expect(deployment.objectTypes.remove('organizations')).rejects.toMatchObject({
      code: 'object_type_in_use',
    });
    await deployment.segments.remove('in-saas');
    await deployment.segments.remove('with-the-old');
    await deployment.objectTypes.put('contacts', { attributes });
    await built(deployment);
    expect(deployment.store.catalog.predicateIds.size).toBe(1);
  });

  it('has an inverse whose name its target does not declare for anything else, from either side', async () => {
    await open();
    const boss = { to: 'organizations', key: 'boss_id', cardinality: 'one', inverse: 'reports' };
    const taken = (path: string) => ({ code: 'object_type_invalid', errors: [{ path }] });
    const redeclare = (definition: object) =>
      deployment.objectTypes.put('organizations', definition);
    await expect(redeclare({ attributes: { contacts: { type: 'number' } } })).rejects.toMatchObject(
      taken('/attributes/contacts'),
    );
    await expect(redeclare({ relationships: { contacts: boss } })).rejects.toMatchObject(
      taken('/relationships/contacts'),
    );
    await expect(
      redeclare({ relationships: { boss: { ...boss, inverse: 'contacts' } } }),
    ).rejects.toMatchObject(taken('/relationships/boss/inverse'));
    await redeclare({ ...organizations, relationships: { boss } });
    await deployment.objectTypes.put('contacts', { attributes });
    await redeclare({ attributes: { contacts: { type: 'number' } } });
    const back = deployment.objectTypes.put('contacts', { attributes, relationships });
    await expect(back).rejects.toMatchObject(taken('/relationships/organization/inverse'));
  });

  it('that is removed and declared again is counted from the records of now', async () => {
    await open();
    await send(deployment, [...contacts, ...three]);
    expect(await edgeKeys()).not.toEqual([]);
    await deployment.objectTypes.put('contacts', { attributes });
    await built(deployment);
    await eventually('its rows are gone', async () => (await edgeKeys()).length === 0);
    await send(deployment, [contact('c0', 'o1', 0), contact('c1', 'o0', 1)]);
    await deployment.objectTypes.put('contacts', { attributes, relationships });
    await createSegment(deployment, 'in-saas', 'contacts', inSaas);
    expect(await countOf('in-saas')).toBe(80);
    await send(deployment, [organization('o0', 'Retail')]);
    expect(await countOf('in-saas')).toBe(40);
    expect((await audited()).differences).toBe(0);
  });

  it('that is declared over another key while segments use it follows that key', async () => {
    await open();
    await send(deployment, three);
    const both = contacts.map(({ id, data }, at) => ({
      op: 'put' as const,
      object_type: 'contacts',
      id,
      data: { ...data, company_id: `o${(at + 1) % 3}` },
    }));
    await send(deployment, both);
    await createSegment(deployment, 'in-saas', 'contacts', inSaas);
    await createSegment(deployment, 'with-the-old', 'organizations', someOver(118));
    const companies = { organization: { ...relationships.organization, key: 'company_id' } };
    const flow = send(
      deployment,
      both.slice(0, 60).map(
        ({ id }, at): Change =>
          at % 2 === 0
            ? { op: 'delete', object_type: 'contacts', id }
            : {
                op: 'patch',
                object_type: 'contacts',
                id,
                data: { organization_id: 'o1', company_id: 'o2' },
              },
      ),
    );
    await deployment.objectTypes.put('contacts', { attributes, relationships: companies });
    await flow;
    await built(deployment);
    // 30 were moved to o2; of c60 to c119 every third is with o1
    expect(await countOf('in-saas')).toBe(30 + 40);
    expect(await countOf('with-the-old')).toBe(1);
    expect(await audited()).toMatchObject({ differences: 0, segments: 2, edges: 1 });
  });

  it('that is declared over another key is counted over the old one until all is built, then over the new one', async () => {
    await open();
    const employed = (
      id: string,
      organizationId: string,
      employerId: string,
      age: number,
    ): Change => {
      const data = { age, organization_id: organizationId, employer_id: employerId };
      return { op: 'put', object_type: 'contacts', id, data };
    };
    await send(deployment, three);
    await send(
      deployment,
      contacts.map(({ id, data }, at) =>
        employed(id, data!['organization_id'] as string, 'o1', at),
      ),
    );
    await createSegment(deployment, 'in-saas', 'contacts', inSaas);
    await createSegment(deployment, 'with-the-old', 'organizations', someOver(118));
    const release = holdCatalog();
    const employers = { organization: { ...relationships.organization, key: 'employer_id' } };
    await deployment.objectTypes.put('contacts', { attributes, relationships: employers });
    const { segments } = deployment.store.catalog;
    const counted = async () => {
      expect([...segments.values()].every(({ pending }) => pending !== null)).toBe(true);
      return [await countOf('in-saas'), await countOf('with-the-old')];
    };
    expect(await counted()).toEqual([80, 1]); // c119 is with o2
    await send(deployment, [employed('c0', 'o1', 'o0', 0), employed('c119', 'o2', 'o0', 3)]);
    expect(await counted()).toEqual([79, 0]);
    await send(deployment, [
      employed('n1', 'o0', 'o1', 119),
      employed('n2', 'o1', 'o2', 120),
      organization('o1', 'SaaS'),
    ]);
    expect(await counted()).toEqual([122, 2]);
    await send(deployment, [
      organization('o1', 'Retail'),
      { op: 'delete', object_type: 'contacts', id: 'n2' },
    ]);
    expect(await counted()).toEqual([80, 1]);
    release();
    await built(deployment);
    // c0 and c119 are with o0 now; n1, who is 119, is with o1
    expect([await countOf('in-saas'), await countOf('with-the-old')]).toEqual([2, 1]);
    await send(deployment, [employed('n1', 'o0', 'o2', 119)]);
    expect(await countOf('in-saas')).toBe(3);
    expect(await audited()).toMatchObject({ differences: 0, segments: 2, edges: 1 });
  });

  it('over which a segment reads an attribute that is re-typed is counted by the new type once that is built', async () => {
    await open();
    await send(deployment, [...contacts, ...three]);
    const known = all({ field: 'organization.industry', operator: 'notNull' });
    await createSegment(deployment, 'of-known-industry', 'contacts', known);
    expect(await countOf('of-known-industry')).toBe(120);
    await deployment.objectTypes.put('organizations', {
      attributes: { industry: { type: 'number' } },
    });
    await send(deployment, [
      { op: 'put', object_type: 'organizations', id: 'o1', data: { industry: 47 } },
    ]);
    await built(deployment);
    expect(await countOf('of-known-industry')).toBe(40);
    await deployment.objectTypes.put('organizations', organizations);
    await built(deployment);
    expect(await countOf('of-known-industry')).toBe(80);
    expect((await audited()).differences).toBe(0);
  });

  it('whose holders nobody asked about knows their number when somebody does', async () => {
    await open();
    await send(deployment, three);
    await send(deployment, contacts.slice(0, 30)); // every partition announces a first holder
    await send(deployment, contacts.slice(30)); // and nobody is told of the rest
    await createSegment(
      deployment,
      'often-new-born',
      'organizations',
      all({
        field: 'contacts',
        match: { mode: 'atLeast', threshold: 0.05 }, // one of 40 is less; of those that were announced it is more
        value: all({ field: 'age', operator: '=', value: 0 }),
      }),
    );
    expect(await countOf('often-new-born')).toBe(0);
    expect((await audited()).differences).toBe(0);
  });
});

describe('an exported predicate', () => {
  it('that asks for extremes leaves no values behind, though holders go meanwhile', async () => {
    await open();
    await send(deployment, [...contacts, ...three]);
    const eldest = all({ field: 'contacts.age', operator: '>', value: 118, aggregate: 'max' });
    await createSegment(deployment, 'with-the-eldest', 'organizations', eldest);
    expect(await countOf('with-the-eldest')).toBe(1);
    const kept = async (kind: string) =>
      (await edgeKeys()).filter((key) => key.includes(`:${kind}:`)).length;
    expect(await kept('values')).toBeGreaterThan(3);
    const holders = await kept('holders');
    const deletions = send(
      deployment,
      contacts
        .filter((_, at) => at % 3 === 0)
        .map(({ id }): Change => ({ op: 'delete', object_type: 'contacts', id })),
    );
    await deployment.segments.remove('with-the-eldest');
    await deletions;
    await eventually('no values are left', async () => (await kept('values')) === 0);
    expect(await kept('holders')).toBeLessThan(holders);
    expect(await kept('holders')).toBeGreaterThan(0);
    expect((await audited()).differences).toBe(0);
  });

  it('is given up with the last segment that reads it', async () => {
    await open();
    await send(deployment, [...contacts, ...three]);
    const { predicateIds } = deployment.store.catalog;
    expect(predicateIds.size).toBe(1); // the edge id
    await createSegment(deployment, 'in-saas', 'contacts', inSaas);
    const { rules } = inSaas as { rules: object[] };
    const young = all(...rules, { field: 'age', operator: '<', value: 30 });
    await createSegment(deployment, 'young-in-saas', 'contacts', young);
    await createSegment(deployment, 'with-the-old', 'organizations', someOver(100));
    // the edge id, three segments, and what they read of organizations and of contacts
    expect(predicateIds.size).toBe(6);
    await deployment.segments.remove('in-saas');
    await built(deployment);
    expect(predicateIds.size).toBe(5);
    expect(await countOf('young-in-saas')).toBe(20);
    await deployment.segments.remove('young-in-saas');
    await built(deployment);
    expect(predicateIds.size).toBe(3);
    await deployment.segments.remove('with-the-old');
    await built(deployment);
    expect([...predicateIds.values()].map(({ key }) => key.split(' ')[0])).toEqual(['edge']);
    await send(
      deployment,
      contacts.map(({ id }): Change => ({ op: 'delete', object_type: 'contacts', id })),
    );
    await send(deployment, [organization('o0', 'Retail')]);
    expect((await audited()).differences).toBe(0);
    const [edgeId] = predicateIds.keys();
    for (const keys of deployment.keys.partitions) {
      expect(await deployment.redis.hlen(keys.neighbours(edgeId!))).toBe(0);
      expect(await deployment.redis.hlen(keys.related(edgeId!))).toBe(0);
    }
  });
});

describe('an audit', () => {
  it('finds what was planted in member sets, state rows, holders, neighbour rows and related rows', async () => {
    await open();
    await send(deployment, [...contacts, ...three]);
    await createSegment(deployment, 'in-saas', 'contacts', inSaas);
    await createSegment(deployment, 'with-the-old', 'organizations', someOver(100));
    expect((await audited()).differences).toBe(0);
    const { redis, keys, store } = deployment;
    const at = (id: string) => keys.partitions[partitionOf(id, PARTITIONS)]!;
    const edgeId = store.catalog.edgeIdOf('contacts.organization')!;
    const predicateId = store.catalog.segments.get('in-saas')!.predicateId!;
    await redis.srem(at('c0').segment(predicateId), 'c0');
    await redis.sadd(at('c1').segment(predicateId), 'c1');
    await redis.hdel(at('c3').state('contacts'), 'c3');
    await redis.zrem(at('c6').holders(edgeId, 'o0'), 'c6');
    await redis.zadd(at('c7').holders(edgeId, 'o0'), 0, 'c7');
    const neighbours = at('c9').neighbours(edgeId);
    const neighbour = unpackNeighbour(await redis.hget(neighbours, 'o0'));
    await redis.hset(neighbours, 'o0', JSON.stringify({ ...neighbour, shared: null }));
    const related = unpackRelated(await redis.hget(at('o2').related(edgeId), 'o2'));
    const [from] = Object.keys(related);
    await redis.hdel(at('o1').related(edgeId), 'o1');
    await redis.hset(
      at('o2').related(edgeId),
      'o2',
      JSON.stringify({ ...related, [from!]: { ...neighbour.local } }),
    );

    const { inSegments, inEdges, differences } = await audited();
    const ids = (...first: string[]) => ({ total: first.length, first });
    const segment = { slug: 'in-saas', objectType: 'contacts' };
    expect(inSegments).toEqual([
      { ...segment, place: 'set', engineOnly: ids('c1'), referenceOnly: ids('c0') },
      { ...segment, place: 'state', engineOnly: ids(), referenceOnly: ids('c3') },
    ]);
    const found = Object.fromEntries(
      inEdges.map(({ place, ...difference }) => [place, difference]),
    );
    const [p6, p7, p9] = ['c6', 'c7', 'c9'].map((id) => partitionOf(id, PARTITIONS));
    expect(found.state!.referenceOnly.first.every((one) => one.startsWith('c3('))).toBe(true);
    expect(found.holders).toEqual({
      edge: 'contacts.organization',
      engineOnly: ids(`o0@${p7}=c7`),
      referenceOnly: ids(`o0@${p6}=c6`),
    });
    expect(found.neighbours!.engineOnly.first).toEqual([
      expect.stringMatching(`^o0@${p9}=.*"shared":null`),
    ]);
    expect(found.neighbours!.referenceOnly.first).toEqual([
      expect.stringMatching(`^o0@${p9}=.*"truth"`),
    ]);
    const targets = ({ first }: { first: readonly string[] }) =>
      first.map((one) => one.split('@')[0]);
    expect(targets(found.related!.engineOnly)).toEqual(['o2']);
    expect(targets(found.related!.referenceOnly).sort()).toEqual(['o1', 'o2']);
    expect(differences).toBeGreaterThanOrEqual(10);
  });
});
