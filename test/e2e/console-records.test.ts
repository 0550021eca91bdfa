/**
 * console-records.test.ts – Records, one record, and why it is in a segment: what a person sees and
 * does in a browser. Runs where there is a Chromium.
 */
import { existsSync, readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openTestApi, type TestApi } from '../support/api.ts';
import { CHROMIUM, ConsoleBrowser, violations } from '../support/console-browser.ts';
import { eventually } from '../support/deployment.ts';

const HOUR_MS = 3_600_000;
const hoursAgo = (hours: number) => new Date(Date.now() - hours * HOUR_MS).toISOString();
const all = (...rules: unknown[]) => ({ combinator: 'and', rules });
const ADULT = { field: 'age', operator: '>', value: 17 };
const BOUGHT = {
  ...{ field: 'orders', operator: '=', match: { mode: 'atLeast', threshold: 2 } },
  value: all(
    { field: 'total', operator: '>', value: 100 },
    { field: 'placed_at', operator: 'inLast', value: { amount: 90, unit: 'day' } },
  ),
};

describe.skipIf(!existsSync(CHROMIUM))('records in the console', () => {
  let api: TestApi;
  let browser: ConsoleBrowser;

  const put = (type: string, id: string, data: object) =>
    api.call('PUT', `/v1/records/${type}/${id}`, data);
  const segment = (slug: string, ...rules: unknown[]) =>
    api.call('POST', '/v1/segments', {
      ...{ slug, title: `The ${slug}`, object_type: 'contacts', query: all(...rules) },
    });

  beforeAll(async () => {
    api = await openTestApi();
    await api.server.listen({ host: '127.0.0.1', port: 0 });
    const { port } = api.server.server.address() as AddressInfo;
    browser = new ConsoleBrowser(`http://127.0.0.1:${port}`);
    await api.call('PUT', '/v1/object-types/contacts', {
      attributes: {
        ...{ name: { type: 'string' }, age: { type: 'number', label: 'Years' } },
        ...{ tags: { type: 'list', of: 'string' }, seen_at: { type: 'datetime' } },
      },
    });
    await api.call('PUT', '/v1/object-types/orders', {
      attributes: {
        total: { type: 'number', format: 'currency:EUR' },
        placed_at: { type: 'datetime' },
      },
      relationships: { contact: { to: 'contacts', key: 'contact_id', inverse: 'orders' } },
    });
    for (const [id, name, age] of [
      ['c-1', 'Ada', 36],
      ['c-2', 'Bo', 12],
      ['c-3', 'Cleo', 70],
      ['c-4', 'Dag', 40],
    ] as const)
      await put('contacts', id, { name, age, seen_at: hoursAgo(5), tags: ['a'] });
    await put('orders', 'A-1', { total: 150, placed_at: hoursAgo(89 * 24), contact_id: 'c-1' });
    await put('orders', 'A-2', { total: 1250.5, placed_at: hoursAgo(24), contact_id: 'c-1' });
    await put('orders', 'A-3', { total: 5, placed_at: hoursAgo(48), contact_id: 'c-1' });
    await segment('adults', ADULT);
    await segment('elders', { ...ADULT, value: 64 });
    await segment('buyers', BOUGHT);
    await api.call('POST', '/v1/views', {
      ...{ title: 'Short list', slug: 'short', object_type: 'contacts', query: all() },
      columns: [{ path: 'name' }, { path: 'orders', aggregate: 'count', label: 'Bought' }],
    });
    await api.call('POST', '/v1/segments/counts', { timeout_ms: 20_000 });
    await api.call('POST', '/v1/records/contacts/c-4/archive');
  });
  afterEach(async () => {
    await browser.closePages();
    expect(browser.faults).toEqual([]);
  });
  afterAll(async () => {
    await browser?.close();
    await api?.close();
  });

  const PAGES = [
    ['/records/contacts?in=adults&not_in=elders', '.table-row'],
    ['/records/contacts/c-1', '.related .member-name'],
    ['/segments/buyers/members/c-1', '.window-line'],
    ['/segments/buyers/members/c-2', '.why-tree'],
  ] as const;

  it.each([
    { dark: false, width: 1440 },
    { dark: true, width: 1024 },
  ])('has no violation: dark: $dark, $width wide', async (look) => {
    const page = await browser.open('/segments', look);
    for (const [path, waited] of PAGES) {
      await browser.goTo(page, path);
      await page.waitForSelector(waited);
      expect(await violations(page), path).toEqual([]);
      expect(await page.evaluate('document.documentElement.scrollWidth'), path).toBe(look.width);
    }
  });

  const names = (page: Page) => page.locator('.table-row .member-name').allTextContents();
  const rowsAre = (page: Page, ...wanted: string[]) =>
    eventually(wanted.join(), async () => (await names(page)).sort().join() === wanted.join());
  const counted = (page: Page, text: string) =>
    eventually(text, async () => (await page.textContent('.records-count')) === text);

  it('shows who is in and not in segments, counted, and keeps it in the address', async () => {
    const page = await browser.open('/records/contacts');
    await rowsAre(page, 'Ada', 'Bo', 'Cleo');
    await counted(page, '3 of 3');
    await page.click('.head-actions button:has-text("Segments")');
    await page.click('[aria-label="In The adults"]');
    await rowsAre(page, 'Ada', 'Cleo');
    await page.click('[aria-label="Not in The elders"]');
    await rowsAre(page, 'Ada');
    await counted(page, '1 of 3');
    await page.reload();
    await rowsAre(page, 'Ada');
    await page.click('[aria-label="Remove: in The adults"]');
    await rowsAre(page, 'Ada', 'Bo');
  });

  it('adds a condition, says at it what is wrong, and keeps it out of the address', async () => {
    const page = await browser.open('/records/contacts');
    const add = async (field: string, operator: string, value: string) => {
      await page.click('button:has-text("Condition")');
      await page.selectOption('.condition select >> nth=0', field);
      await page.selectOption('.condition select >> nth=1', operator);
      await page.fill('.condition input', value);
      await page.keyboard.press('Enter');
    };
    await add('age', 'in', '12, 70');
    await rowsAre(page, 'Bo', 'Cleo');
    await counted(page, '2 of 3');
    expect(new URL(page.url()).search).toBe('');
    await page.reload();
    await rowsAre(page, 'Bo', 'Cleo');
    await page.fill('[type=search]', 'c-1');
    await rowsAre(page, 'Ada');
    await page.waitForSelector('.records-note:has-text("among all records")');
    await page.fill('[type=search]', '');
    await add('age', 'in', 'many');
    await page.waitForSelector('.removable.is-wrong:has-text("many")');
  });

  it('shows the columns of a view, and gives its rows and chosen ones as CSV', async () => {
    const page = await browser.open('/records/contacts?view=short');
    await page.waitForSelector('.table-row:has-text("Ada"):has-text("3")');
    const csv = async () => {
      const [file] = await Promise.all([
        page.waitForEvent('download'),
        page.click('button:has-text("CSV")'),
      ]);
      return readFileSync((await file.path())!, 'utf8')
        .trim()
        .split('\r\n')
        .sort();
    };
    expect(await csv()).toEqual(['Ada,3', 'Bo,0', 'Cleo,0', 'name,Bought']);
    await page.fill('[type=search]', 'c-2');
    await page.waitForSelector('.records-note:has-text("1 column")');
    await rowsAre(page, 'Bo');
    expect(await csv()).toEqual(['c-2,Bo', 'id,Name']);
  });

  it('shows a record with what it is related to, its segments, and how it joined', async () => {
    const page = await browser.open('/records/contacts/c-1');
    await page.waitForSelector('h2:text("In 2 segments")');
    await page.waitForSelector('.related .member-name:text("A-2")');
    expect(await page.textContent('.related tr:has-text("A-2")')).toContain('€1,250.50');
    await put('contacts', 'c-1', { name: 'Ada', age: 3 });
    await put('contacts', 'c-1', { name: 'Ada', age: 36 });
    await page.reload();
    await page.waitForSelector('.moves li:has-text("Joined The adults")');
    await page.waitForSelector('.moves li:has-text("Left The adults")');
    await page.click('[aria-label="Why it is in The adults"]');
    await page.waitForSelector('h2:text("Ada is in The adults")');
  });

  it('edits a record over what was seen: who was slower is told, and loses nothing', async () => {
    await put('contacts', 'e-1', { name: 'Edo', age: 20, tags: ['x', 'y'] });
    const page = await browser.open('/records/contacts/e-1', { role: 'editor' });
    const save = () => page.click('button:has-text("Save")');
    await page.click('.head-actions button:has-text("Edit")');
    await page.fill('[name=age]', 'old');
    await save();
    await page.waitForSelector('#note-age:has-text("no number")');
    expect(await page.evaluate('document.activeElement.name')).toBe('age');
    await page.fill('[name=age]', '21');
    await page.fill('[name=seen_at]', 'yesterday');
    await save();
    await page.waitForSelector('#note-seen_at.left');
    await page.fill('[name=seen_at]', '');
    await api.call('PATCH', '/v1/records/contacts/e-1', { name: 'Edgar' });
    await save();
    await page.waitForSelector('.banner:has-text("somebody else")');
    expect(await page.inputValue('[name=age]')).toBe('21');
    await page.click('button:has-text("Keep mine")');
    await page.waitForSelector('.banner', { state: 'detached' });
    await save();
    await page.waitForSelector('h1:text("Edgar")');
    const saved = async () => (await api.call('GET', '/v1/records/contacts/e-1')).json().data;
    // The name was read anew before: the age says that it is saved.
    await eventually('it is saved', async () => (await saved()).age === 21);
    expect(await saved()).toEqual({ name: 'Edgar', age: 21, tags: ['x', 'y'] });
    await page.click('button:has-text("Archive")');
    await page.waitForSelector('.archived-tag');
    await page.click('button:has-text("Restore")');
    await page.waitForSelector('.archived-tag', { state: 'detached' });
  });

  it('gives a viewer nothing to change', async () => {
    const page = await browser.open('/records/contacts/c-1', { role: 'viewer' });
    await page.waitForSelector('h2:text("In 2 segments")');
    expect(await page.locator('.head-actions :is(button, a)').count()).toBe(0);
    await browser.goTo(page, '/records/contacts?in=adults');
    await page.waitForSelector('.table-row .member-name:text("Cleo")');
    expect(await page.locator('button:has-text("Save as segment")').count()).toBe(0);
  });

  it('explains a member: what was seen, which orders decide it, what comes next', async () => {
    const page = await browser.open('/segments/buyers');
    await page.click('.member-name:text("Ada")');
    await page.waitForSelector('h2:text("Ada is in The buyers")');
    await page.waitForSelector('.verdict-next:has-text("Leaves by the clock in")');
    await page.waitForSelector('.why-related .is-next:has-text("A-1"):has-text("€150.00")');
    await page.waitForSelector('.window-flip:has-text("Leaves")');
    await page.waitForSelector('.why-seen:has-text("just enough")');
    await page.waitForSelector('.facts-list dd:text("Agrees")');
    await page.waitForSelector('.moves li:has-text("Will leave on")');
    expect(await page.locator('.tags .tag').allTextContents()).toEqual(['The adults']);
    // What happens meanwhile is seen without asking for it.
    await api.call('PATCH', '/v1/records/orders/A-2', { total: 1 });
    await page.waitForSelector('h2:text("Ada is not in The buyers")');
    await page.waitForSelector('.moves li:has-text("Left"):has-text("Related changed")');
    await page.waitForSelector('.why-seen:has-text("1 more is missing")');
    await api.call('PATCH', '/v1/records/orders/A-2', { total: 1250.5 });
  });

  it('explains who is not in it, who is archived, and who is not there', async () => {
    const page = await browser.open('/segments/adults/members/c-2');
    await page.waitForSelector('h2:text("Bo is not in The adults")');
    await browser.goTo(page, '/segments/adults/members/c-4');
    await page.waitForSelector('h2:text("Dag is archived, so not in The adults")');
    await browser.goTo(page, '/segments/adults/members/nobody');
    await page.waitForSelector('h2:text("There is no contact nobody, so it is not in The adults")');
    expect(await page.locator('a:has-text("Open record")').count()).toBe(0);
    await browser.goTo(page, '/segments/none/members/c-1');
    await page.waitForSelector('h2:text("There is no such segment, or not any more.")');
  });

  it('explains the draft that the tab keeps, and says if there is none', async () => {
    const page = await browser.open('/segments/adults/members/c-2?draft=1');
    await page.waitForSelector('h2:text("There is no draft in this tab.")');
    await browser.goTo(page, '/segments/adults/edit');
    await page.fill('input[value="17"]', '11');
    const kept = () => page.evaluate(`sessionStorage.getItem('rollcall-draft:adults')`);
    await eventually('it is kept', async () => String(await kept()).includes('11'));
    await browser.goTo(page, '/segments/adults/members/c-2?draft=1');
    await page.waitForSelector('h2:text("Bo would be in the draft of The adults")');
    expect(await page.locator('h2:text("Checked against what is stored")').count()).toBe(0);
    await page.click('a:text("the draft of The adults")');
    await page.waitForURL('**/segments/adults/edit');
  });

  it('begins a segment with what the table shows', async () => {
    const page = await browser.open('/records/contacts?in=adults&not_in=elders');
    await page.waitForSelector('.table-row .member-name:text("Ada")');
    await page.click('button:has-text("Save as segment")');
    await page.waitForURL('**/segments/new?type=contacts');
    await page.waitForSelector('.builder-sentence:has-text("The adults"):has-text("The elders")');
    await page.click('a:has-text("Why Ada")');
    await page.waitForSelector('h2:text("Ada would be in the draft of a new segment")');
  });

  it('shows how a segment grew, as a picture and as a table', async () => {
    const page = await browser.open('/segments/adults');
    await page.click('.tab:text("History")');
    await page.waitForSelector('.history-plot canvas >> nth=1');
    await page.click('summary:text("As a table")');
    const { count } = (await api.call('POST', '/v1/segments/counts', { slugs: ['adults'] })).json()
      .counts[0];
    await page.waitForSelector(`.history-table tbody tr >> nth=0 >> td:text-is("${count}")`);
    await page.click('button:text("30 days")');
    await page.waitForSelector('[aria-label="Members over the last 30 days"]');
    expect(await violations(page)).toEqual([]);
  });

  it('brings back an old revision by saving it again', async () => {
    await segment('changed', ADULT);
    const query = all({ ...ADULT, value: 64 });
    await api.call('PATCH', '/v1/segments/changed', { title: 'Changed now', query });
    const page = await browser.open('/segments/changed/revisions');
    await page.waitForSelector(
      '.revision:has-text("Revision 1: The changed") >> text=more than 17',
    );
    await page.waitForSelector('.revision:has-text("Revision 2") >> text=more than 64');
    expect(await violations(page)).toEqual([]);
    await page.click('[aria-label="Bring back revision 1"]');
    await page.waitForSelector('h1:text("The changed")');
    await page.waitForSelector('[role=status]:has-text("Saved as revision 3")');
    const now = (await api.call('GET', '/v1/segments/changed')).json();
    expect([now.revision, now.query]).toEqual([3, all(ADULT)]);
    await browser.closePages();
    const seen = await browser.open('/segments/changed/revisions', { role: 'viewer' });
    await seen.waitForSelector('.revision:has-text("Revision 3")');
    expect(await seen.locator('button:has-text("Bring back")').count()).toBe(0);
  });
});
