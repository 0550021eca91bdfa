/**
 * console-browser.ts – A browser in which a test uses the console, signed in as whoever it says.
 *
 * Keeps true: what breaks the policy of the page, or throws in it, is in `faults`.
 */
import axe from 'axe-core';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import type { Role } from '../../src/config.ts';

export const CHROMIUM = process.env['ROLLCALL_CHROMIUM'] ?? '/usr/bin/chromium';

export interface ConsoleLook {
  readonly dark?: boolean;
  readonly width?: number;
  readonly role?: Role;
}

export class ConsoleBrowser {
  readonly faults: string[] = [];
  readonly #url: string;
  #browser: Browser | undefined;
  #contexts: BrowserContext[] = [];

  /** `url`: where the server is. */
  constructor(url: string) {
    this.#url = url;
  }

  /** A page of a new browser profile, at the path, after signing in. */
  async open(path: string, { dark = false, width = 1440, role = 'service' }: ConsoleLook = {}) {
    this.#browser ??= await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
    const context = await this.#browser.newContext({
      viewport: { width, height: 900 },
      colorScheme: dark ? 'dark' : 'light',
    });
    this.#contexts.push(context);
    context.on('weberror', (fault) => this.faults.push(fault.error().message));
    context.on('console', (message) => {
      if (/Content Security Policy|Warning:|bug:/.test(message.text()))
        this.faults.push(message.text());
    });
    const page = await context.newPage();
    await page.goto(this.#url + path);
    await page.fill('input[name=key]', `the-key-of-the-${role}`);
    await page.keyboard.press('Enter');
    await page.waitForSelector('h1:not(:text("Sign in"))');
    return page;
  }

  async goTo(page: Page, path: string): Promise<void> {
    await page.goto(this.#url + path);
    await page.waitForSelector('h1');
  }

  async closePages(): Promise<void> {
    for (const context of this.#contexts) await context.close();
    this.#contexts = [];
  }

  async close(): Promise<void> {
    await this.#browser?.close();
  }
}

/** What axe has to say against a page. */
export async function violations(page: Page): Promise<unknown> {
  // The policy of the page lets no script in: this comes from outside.
  await page.evaluate(axe.source);
  return page.evaluate(
    'axe.run(document).then(({ violations }) => violations.map(({ id, nodes }) =>' +
      ' [id, nodes.map(({ html }) => html.slice(0, 200))]))',
  );
}
