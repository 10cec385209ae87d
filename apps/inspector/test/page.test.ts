/**
 * The built page in a real browser, under the gateway's policy, fed by the made-up gateway. Needs `npm run build`, as
 * the task graph has it, and a Chromium; without one these tests are skipped and say so.
 */
import { existsSync } from 'node:fs';
import { type Browser, chromium, type Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Hub, startHub } from './fake-hub.ts';

const CHROMIUM = process.env['PLAYWRIGHT_CHROMIUM'] ?? '/usr/bin/chromium';
const DIST = new URL('../dist/index.html', import.meta.url);

describe.skipIf(!existsSync(CHROMIUM) || !existsSync(DIST))('the page in a browser', () => {
  let hub: Hub;
  let browser: Browser;
  let page: Page;
  const complaints: string[] = [];

  beforeAll(async () => {
    hub = await startHub({ rate: 1500, drop: true });
    browser = await chromium.launch({
      executablePath: CHROMIUM,
      args: ['--no-sandbox', '--disable-gpu', '--disable-quic'],
    });
    const permissions = ['clipboard-read', 'clipboard-write'];
    page = await browser.newPage({ viewport: { width: 1280, height: 720 }, permissions });
    page.on('console', message => {
      if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
    });
    page.on('pageerror', error => complaints.push(error.message));
    await page.goto(hub.url);
    await page.getByRole('status').filter({ hasText: 'live' }).waitFor();
  }, 60_000);

  afterAll(async () => {
    await browser.close();
    await hub.close();
  });

  /** Until a field has the focus: keys that come before are the page's. */
  async function untilField(): Promise<void> {
    await page.waitForFunction(() => document.activeElement?.getAttribute('role') === 'combobox');
  }

  async function openPalette(): Promise<void> {
    await page.keyboard.press('Control+k');
    await untilField();
  }

  test('the token leaves the address at once', () => {
    expect(page.url()).not.toContain('token');
  });

  test('nothing of the page breaks the content security policy or Trusted Types', async () => {
    for (const tab of ['Overview', 'Streams', 'Frames', 'Windows', 'HPACK']) {
      await page.getByRole('tab', { name: tab }).click();
      await page.getByRole('tabpanel').waitFor();
    }
    expect(complaints).toEqual([]);
  });

  test('produced = received + dropped, with drops told', async () => {
    const footer = await page.waitForFunction(() => {
      const text = document.querySelector('footer')?.textContent ?? '';
      return /dropped [1-9]/.test(text) ? text : null;
    });
    const text = String(await footer.jsonValue());
    const [, produced, received, dropped] = (
      /produced ([\d,]+) = received ([\d,]+) \+ dropped ([\d,]+)/.exec(text) ?? []
    ).map(part => Number(part.replaceAll(',', '')));
    expect(produced).toBe(received! + dropped!);
  });

  test('hostile text is spelled out, not obeyed', async () => {
    await page.getByRole('tab', { name: 'Streams' }).click();
    await page.locator('#connection-1').click();
    await page.getByText('\\u{202e}').first().waitFor();
    expect(await page.locator('body').textContent()).not.toContain('\u202e');
  });

  test('a filter narrows the frames, and a word it does not know is explained', async () => {
    await page.getByRole('tab', { name: 'Frames' }).click();
    await page.getByRole('combobox', { name: 'Filter frames' }).waitFor();
    await page.keyboard.press('/');
    await untilField();
    await page.keyboard.type('type=HEADERS nonsense=1 ');
    await page.getByText('is not a filter name').waitFor();
    await page.keyboard.press('Escape');
    await page.waitForFunction(() => {
      const names = [...document.querySelectorAll('[id^=frame-tab-] [data-column=type]')].map(
        cell => cell.textContent ?? '',
      );
      return names.length > 3 && names.every(name => name.includes('HEADERS'));
    });
    await page.getByRole('button', { name: 'Clear the filter' }).click();
  });

  test('only what is visible exists, and the grid tells how many rows there are', async () => {
    const grid = page.getByRole('grid', { name: 'Frames' });
    const rows = Number(await grid.getAttribute('aria-rowcount'));
    const drawn = await page.locator('[id^=frame-tab-]').count();
    expect(drawn).toBeLessThan(60);
    expect(rows).toBeGreaterThan(drawn);
  });

  test('a frame is selected by keys and decoded', async () => {
    await page.getByRole('button', { name: 'HEADERS' }).click();
    await page.waitForFunction(() => document.querySelectorAll('[id^=frame-tab-]').length > 3);
    await page.keyboard.press('j');
    await page.getByText('of the gateway’s log').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Clear the filter' }).click();
  });

  test('paused, the rows stand still while the log fills', async () => {
    await page.keyboard.press('p');
    await page.getByRole('status').filter({ hasText: 'paused' }).waitFor();
    const last = (): Promise<string | null> => page.locator('[id^=frame-tab-]').last().getAttribute('id');
    const kept = async (): Promise<number> =>
      Number(/kept ([\d,]+)/.exec((await page.locator('footer').textContent()) ?? '')?.[1]?.replaceAll(',', ''));
    const row = await last();
    const before = await kept();
    await page.waitForFunction(
      count =>
        Number(/kept ([\d,]+)/.exec(document.querySelector('footer')?.textContent ?? '')?.[1]?.replaceAll(',', '')) >
        count + 500,
      before,
    );
    expect(await last()).toBe(row);
    await page.keyboard.press('p');
    await page.waitForFunction(id => [...document.querySelectorAll('[id^=frame-tab-]')].at(-1)?.id !== id, row);
  });

  test('the palette opens by keys, finds a tab and a connection, and gives the focus back', async () => {
    const field = page.getByRole('combobox', { name: 'Command, connection or stream' });
    await openPalette();
    await page.keyboard.type('timel');
    await page.getByRole('option', { name: /^Go to Timeline/ }).waitFor();
    expect(await field.getAttribute('aria-activedescendant')).toBe('palette-0');
    await page.keyboard.press('Enter');
    await page.getByRole('tab', { name: 'Timeline', selected: true }).waitFor();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await openPalette();
    await page.keyboard.type('2');
    await page.getByRole('option', { name: /^Connection Connection 2 / }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    // At once: a sequence whose second key comes late is none, and this process may have to wait for its turn.
    await Promise.all([page.keyboard.press('g'), page.keyboard.press('f')]);
    await page.getByRole('tab', { name: 'Frames', selected: true }).waitFor();
  });

  test('the palette finds a stream by connection and number', async () => {
    await openPalette();
    await page.keyboard.type('1/5');
    await page.getByRole('option', { name: /^Stream 1\/5 / }).click();
    await page.getByRole('heading', { name: 'Stream 5', exact: true }).waitFor();
    await page.keyboard.press('Escape');
    await page.keyboard.press('3');
  });

  test('frames are picked by keys, and copied as text', async () => {
    await page.getByRole('grid', { name: 'Frames' }).focus();
    await page.keyboard.press('ArrowUp');
    await page.locator('[id^=frame-tab-][aria-selected=true]').waitFor();
    await page.keyboard.press('Shift+ArrowUp');
    await page.waitForFunction(() => document.querySelectorAll('[data-picked]').length === 2);
    await page.keyboard.press('Control+c');
    await page.getByText(/^\d+ frames copied$/).waitFor();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toMatch(/^--- connection 1: .*\n\[ *\d+\.\d+\] /);
    await page.keyboard.press('Escape');
    await page.waitForFunction(() => document.querySelectorAll('[data-picked]').length === 0);
    await page.keyboard.press('Escape');
  });

  test('a column is hidden and shown again; a filter is kept under a name and comes back', async () => {
    const heads = page.getByRole('columnheader', { name: 'flags' });
    await page.getByRole('button', { name: 'Columns' }).click();
    await page.getByRole('checkbox', { name: 'flags' }).uncheck();
    await heads.waitFor({ state: 'hidden' });
    await page.getByRole('checkbox', { name: 'flags' }).check();
    await heads.waitFor();
    await page.keyboard.press('Escape');
    const field = page.getByRole('combobox', { name: 'Filter frames' });
    await field.fill('type=HEADERS dir=in');
    await page.getByRole('button', { name: 'Saved filters' }).click();
    await page.getByRole('textbox', { name: 'Name for the filter in force' }).fill('requests');
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Forget requests' }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Clear the filter' }).click();
    await openPalette();
    await page.keyboard.type('saved requests');
    await page.getByRole('option').filter({ hasText: 'requests' }).first().waitFor();
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => location.hash.includes('filter=type%3DHEADERS+dir%3Din'));
    await page.getByRole('button', { name: 'Clear the filter' }).click();
  });

  test('back in time no frame is newer than the moment, and the way back leads to now', async () => {
    await page.getByRole('slider', { name: 'Moment shown' }).focus();
    await page.keyboard.press('Shift+ArrowLeft');
    await page.getByRole('status').filter({ hasText: 'in the past' }).waitFor();
    const strip = page.getByRole('region', { name: 'Flight recorder' });
    const moment = Number.parseFloat((await strip.locator('b').textContent()) ?? '');
    const newest = (): Promise<number> =>
      page
        .locator('[id^=frame-tab-] [data-column=t]')
        .last()
        .textContent()
        .then(text => Number(text));
    await page.waitForFunction(
      t => Number([...document.querySelectorAll('[id^=frame-tab-] [data-column=t]')].at(-1)?.textContent) <= t,
      moment,
    );
    const then = await newest();
    await page.getByRole('button', { name: 'Back to now' }).click();
    await page.getByRole('status').filter({ hasText: 'live' }).waitFor();
    await page.waitForFunction(
      t => Number([...document.querySelectorAll('[id^=frame-tab-] [data-column=t]')].at(-1)?.textContent) > t,
      then,
    );
  });

  test('a broken connection is told and mended, and no frame is counted twice', async () => {
    // It is told for a moment only: the page itself looks whether it ever is.
    await page.evaluate(() => {
      const told = (): boolean =>
        [...document.querySelectorAll('[role=status]')].some(each => each.textContent?.includes('reconnecting'));
      const observer = new MutationObserver(() => {
        if (told()) document.body.dataset['toldOfReconnecting'] = 'yes';
      });
      observer.observe(document.body, { subtree: true, childList: true, characterData: true });
    });
    hub.disconnect();
    await page.locator('body[data-told-of-reconnecting]').waitFor();
    await page.getByRole('status').filter({ hasText: 'live' }).waitFor();
    const text = (await page.locator('footer').textContent()) ?? '';
    expect(text).toContain('=');
    expect(text).not.toContain('unaccounted');
  });

  test('a link to a place opens that place', async () => {
    const other = await browser.newPage();
    await other.goto(`${hub.url}&conn=1&tab=windows&stream=5`);
    await other.getByRole('heading', { name: 'Stream 5' }).waitFor();
    expect(await other.getByRole('tab', { name: 'Windows' }).getAttribute('aria-selected')).toBe('true');
    expect(other.url()).toMatch(/#conn=1&tab=windows&stream=5$/);
    await other.close();
  });
});
