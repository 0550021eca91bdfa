/**
 * console-pages.test.ts – The console in a browser: what a person sees and does, by the keyboard
 * too; no page has a violation of axe, and none breaks its own policy.
 *
 * Runs where there is a Chromium.
 */
import { existsSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import axe from 'axe-core';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openTestApi, type TestApi } from '../support/api.ts';
import { CHROMIUM } from '../support/console-browser.ts';
import { eventually } from '../support/deployment.ts';

const SEGMENTS_MANY = 10_000;

describe.skipIf(!existsSync(CHROMIUM))('the console', () => {
  let api: TestApi;
  let url: string;
  let browser: Browser;
  let context: BrowserContext;
  let faults: string[] = [];

  beforeAll(async () => {
    api = await openTestApi();
    await api.server.listen({ host: '127.0.0.1', port: 0 });
    url = `http://127.0.0.1:${(api.server.server.address() as AddressInfo).port}`;
    const attributes = { name: { type: 'string' }, age: { type: 'number' } };
    await api.call('PUT', '/v1/object-types/contacts', { attributes });
    await api.call('PUT', '/v1/records/contacts/c-1', { name: 'Ada', age: 36 });
    for (const [slug, over] of [
      ['adults', 17],
      ['elders', 64],
      ['babies', -1],
    ] as const) {
      const query = { combinator: 'and', rules: [{ field: 'age', operator: '>', value: over }] };
      const body = { title: `The ${slug}`, slug, object_type: 'contacts', query };
      await api.call('POST', '/v1/segments', body);
    }
    await api.call('POST', '/v1/segments/counts', { timeout_ms: 20_000 });
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
  });
  afterEach(async () => {
    await context?.close();
    expect(faults).toEqual([]);
  });
  afterAll(async () => {
    await browser?.close();
    await api.close();
  });

  interface Look {
    readonly dark?: boolean;
    readonly width?: number;
  }

  /** A browser that nobody has signed in from. */
  async function newContext({ dark = false, width = 1440 }: Look = {}): Promise<void> {
    faults = [];
    context = await browser.newContext({
      viewport: { width, height: 900 },
      colorScheme: dark ? 'dark' : 'light',
    });
    context.on('weberror', (fault) => faults.push(fault.error().message));
    context.on('console', (message) => {
      if (/Content Security Policy|Warning:|bug:/.test(message.text())) faults.push(message.text());
    });
  }

  async function open(path: string): Promise<Page> {
    const page = await context.newPage();
    await page.goto(`${url}${path}`);
    return page;
  }

  async function signIn(page: Page, role = 'service'): Promise<void> {
    await page.fill('input[name=key]', `the-key-of-the-${role}`);
    await page.keyboard.press('Enter');
    await page.waitForSelector('h1:not(:text("Sign in"))');
  }

  /** What axe has to say against a page. */
  async function violations(page: Page): Promise<unknown> {
    // The policy of the page lets no script in: this comes from outside.
    await page.evaluate(axe.source);
    return page.evaluate(
      'axe.run(document).then(({ violations }) => violations.map(({ id, nodes }) =>' +
        ' [id, nodes.map(({ html }) => html.slice(0, 200))]))',
    );
  }

  const focused = (page: Page) => page.evaluate('document.activeElement.textContent');
  const countOf = (page: Page, title: string) =>
    page.locator('.table-row', { hasText: title }).locator('.count-number').textContent();

  const ALL = [
    '/segments/adults',
    '/segments/adults/edit',
    '/segments/adults/feed',
    '/segments/new',
    '/segments/none',
    '/no',
  ];

  describe.each([
    { dark: false, width: 1440, paths: ALL },
    { dark: true, width: 1024, paths: ALL.slice(0, 2) },
  ])('dark: $dark, $width wide', ({ paths, ...look }) => {
    it('has no violation on any page', async () => {
      await newContext(look);
      const page = await open('/segments');
      await page.waitForSelector('input[name=key]');
      expect(await violations(page), 'sign-in').toEqual([]);
      await signIn(page);
      await page.waitForSelector('.table-row .count-number');
      expect(await violations(page), 'segments').toEqual([]);
      await page.keyboard.press('Control+k');
      await page.waitForSelector('[role=option]');
      expect(await violations(page), 'finder').toEqual([]);
      await page.keyboard.press('Escape');
      await page.click('[aria-label^="Theme"]');
      await page.waitForSelector('[role=menuitemradio]');
      expect(await violations(page), 'menu').toEqual([]);
      for (const path of paths) {
        await page.goto(`${url}${path}`);
        await page.waitForSelector('h1');
        await page.waitForLoadState('load');
        expect(await violations(page), path).toEqual([]);
      }
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(look.width);
    });
  });

  it('says plainly that a key is not known, and returns to where one wanted to be', async () => {
    await newContext();
    const page = await open('/segments?q=eld');
    await page.fill('input[name=key]', 'wrong');
    await page.keyboard.press('Enter');
    expect(await page.textContent('[role=alert]')).toContain('That key is not known here.');
    await signIn(page);
    await page.waitForSelector('.table-row');
    expect(page.url()).toBe(`${url}/segments?q=eld`);
    expect(await page.locator('.table-row').count()).toBe(1);
    // No script can read what keeps the session, and nothing else of it is kept.
    expect(await page.evaluate('document.cookie + JSON.stringify({ ...localStorage })')).toBe('{}');
  });

  it('is used by the keyboard: J and K, Enter, /, Ctrl K', async () => {
    await newContext();
    const page = await open('/segments');
    await signIn(page);
    await page.waitForSelector('.table-row');
    await page.keyboard.press('j');
    await eventually(
      'The adults has the focus',
      async () => (await focused(page)) === 'The adults',
    );
    await page.keyboard.press('j');
    await eventually(
      'The babies has the focus',
      async () => (await focused(page)) === 'The babies',
    );
    await page.keyboard.press('k');
    await eventually(
      'The adults has the focus',
      async () => (await focused(page)) === 'The adults',
    );
    await page.keyboard.press('Enter');
    await page.waitForURL(`${url}/segments/adults`);
    await eventually(
      'The adults has the focus',
      async () => (await focused(page)) === 'The adults',
    );
    expect(await page.title()).toBe('The adults – Rollcall');
    await page.waitForSelector('.member-name:text("Ada")');
    await page.goBack();
    await page.waitForSelector('.table-row');
    await page.keyboard.press('/');
    await page.keyboard.type('jj babies');
    expect(await page.inputValue('[type=search]')).toBe('jj babies');
    await page.keyboard.press('Escape');
    await page.keyboard.press('Control+k');
    await page.keyboard.type('elders');
    await page.waitForSelector('[role=option]');
    await page.keyboard.press('Enter');
    await page.waitForURL(`${url}/segments/elders`);
  });

  it('builds a filter by the keyboard, and saves over others only when asked to', async () => {
    await newContext();
    const page = await open('/segments/new?type=contacts');
    await signIn(page);
    await page.fill('#segment-title', 'Of age');
    await page.focus('h1');
    await page.keyboard.press('a');
    await eventually('a field is chosen', async () => (await focused(page)) === 'Choose a field');
    await page.keyboard.press('Enter');
    await page.waitForSelector('.field-row');
    await page.keyboard.type('age');
    await page.keyboard.press('Enter');
    await page.waitForSelector('.preview-state:has-text("The count waits for Age")');
    await page.selectOption('.builder-rule [aria-label=Operator]', '>');
    await page.fill('.builder-rule .is-number', '17');
    await page.waitForSelector('.preview-count:not(.is-old) .preview-number');
    const [count] = (await api.call('POST', '/v1/segments/counts', { slugs: ['adults'] })).json()
      .counts;
    expect(await page.textContent('.preview-number')).toBe(`${count.count}`);
    expect(await page.textContent('.builder-sentence')).toBe('Contacts whose age is more than 17');
    await page.keyboard.press('Control+d');
    expect(await page.locator('.builder-rule').count()).toBe(2);
    await page.keyboard.press('Control+z');
    expect(await page.locator('.builder-rule').count()).toBe(1);
    await page.keyboard.press('Control+s');
    await page.waitForURL(`${url}/segments/of-age`);

    const stored = async () => (await api.call('GET', '/v1/segments/of-age')).json().query.rules;
    const edit = async (value: string, theirs: number) => {
      await page.goto(`${url}/segments/of-age/edit`);
      await page.fill('.builder-rule .is-number', value);
      await page.waitForSelector('.draft-dirty');
      const rules = [{ field: 'age', operator: '>', value: theirs }];
      await api.call('PATCH', '/v1/segments/of-age', { query: { combinator: 'and', rules } });
      await page.waitForSelector('.preview-count:not(.is-old) .preview-number');
      await page.keyboard.press('Control+s');
      await page.waitForSelector('.conflict');
      expect((await stored())[0].value).toBe(theirs);
    };
    await edit('20', 40);
    await page.click('button:has-text("Take theirs")');
    await eventually(
      '40',
      async () => (await page.inputValue('.builder-rule .is-number')) === '40',
    );
    await edit('21', 41);
    // What is not saved is there again.
    await page.goto(`${url}/segments`);
    await page.goto(`${url}/segments/of-age/edit`);
    await eventually(
      '21',
      async () => (await page.inputValue('.builder-rule .is-number')) === '21',
    );
    await page.waitForSelector('.preview-count:not(.is-old) .preview-number');
    await page.keyboard.press('Control+s');
    await page.click('button:has-text("Keep mine")');
    await page.waitForURL(`${url}/segments/of-age`);
    expect((await stored())[0].value).toBe(21);
  });

  it('moves by itself in all tabs, over one stream', async () => {
    await newContext();
    let streams = 0;
    const isStream = (request: { url(): string }) => request.url().includes('/v1/stream');
    context.on('request', (request) => (streams += isStream(request) ? 1 : 0));
    context.on('requestfailed', (request) => (streams -= isStream(request) ? 1 : 0));
    context.on('requestfinished', (request) => (streams -= isStream(request) ? 1 : 0));
    const one = await open('/segments');
    await signIn(one);
    const two = await open('/segments');
    for (const page of [one, two]) {
      await page.waitForSelector('.table-row');
      await eventually('there are 0', async () => (await countOf(page, 'The elders')) === '0');
    }
    await eventually('one stream', () => streams === 1);
    await api.call('PUT', '/v1/records/contacts/c-2', { name: 'Old', age: 90 });
    for (const page of [one, two])
      await eventually('there are 1', async () => (await countOf(page, 'The elders')) === '1');
    // The tab that leads goes: the other takes over.
    await one.close();
    await api.call('PUT', '/v1/records/contacts/c-3', { name: 'Older', age: 91 });
    await eventually('there are 2', async () => (await countOf(two, 'The elders')) === '2');
    await two.goto(`${url}/segments/elders/feed`);
    await two.waitForSelector('.feed .member-name:text("c-3")');
    await api.call('PUT', '/v1/records/contacts/c-3', { name: 'Older', age: 1 });
    await two.waitForSelector('.feed li:has-text("left"):has-text("c-3")');
  });

  it('shows sign-in over the page when a session ends, and the page is as it was', async () => {
    await newContext();
    const page = await open('/segments');
    await signIn(page);
    await page.waitForSelector('.table-row a');
    await context.clearCookies();
    // The stream may find it out first: then the page lies under the dialog already.
    await page.evaluate(`document.querySelector('.table-row [href="/segments/adults"]').click()`);
    await page.waitForSelector('[role=dialog] input[name=key]');
    await page.fill('input[name=key]', 'the-key-of-the-viewer');
    await page.keyboard.press('Enter');
    await page.waitForSelector('[role=dialog]', { state: 'detached' });
    expect(page.url()).toBe(`${url}/segments/adults`);
    await page.waitForSelector('.member-name');
  });

  it(`draws a few of ${SEGMENTS_MANY} rows`, async () => {
    await newContext();
    const page = await open('/no');
    await signIn(page);
    const [shown] = (await api.call('GET', '/v1/segments?limit=1')).json().data;
    const data = Array.from({ length: SEGMENTS_MANY }, (_, at) => ({
      ...shown,
      ...{ slug: `s-${at}`, title: `Segment ${at}` },
    }));
    await page.route('**/v1/segments?**', (route) =>
      route.fulfill({ json: { data, next_cursor: null } }),
    );
    await page.goto(`${url}/segments`);
    await page.waitForSelector('.table-row');
    expect(await page.getAttribute('[role=table]', 'aria-rowcount')).toBe(`${SEGMENTS_MANY + 1}`);
    expect(await page.locator('.table-row').count()).toBeLessThan(40);
    await page.evaluate('scrollTo(0, document.body.scrollHeight)');
    await page.waitForSelector('.table-row:has-text("Segment 9999")');
    expect(await page.locator('.table-row').count()).toBeLessThan(40);
  });

  it('says that it is stale when nothing comes, and catches up', async () => {
    await newContext();
    const page = await open('/segments');
    await signIn(page);
    await page.waitForSelector('.foot .live:text("Live")');
    await context.setOffline(true);
    // What is open stays open while one is offline; the server ends it.
    await page.evaluate('dispatchEvent(new Event("pagehide"))');
    await page.evaluate('document.dispatchEvent(new Event("visibilitychange"))');
    await page.waitForSelector('.foot .live.is-stale:has-text("reconnecting")');
    expect(await page.getAttribute('.shell', 'data-stale')).toBe('true');
    await context.setOffline(false);
    await page.waitForSelector('.foot .live:not(.is-stale)');
  });
});
