import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { expect, type Locator, type Page, test } from 'playwright/test';
import { command, installed, type RunningGateway, startGateway } from './support/gateway.ts';

/** Where screenshots go: docs/screenshots when they are to be renewed, else among the results. */
const SCREENSHOTS =
  process.env['GLASSWAY_SCREENSHOTS'] ?? join(import.meta.dirname, '..', 'test-results', 'screenshots');
mkdirSync(SCREENSHOTS, { recursive: true });

/** Everything the browser complained about: errors and violations of the content security policy. */
function complaints(page: Page): string[] {
  const list: string[] = [];
  page.on('pageerror', error => list.push(error.message));
  page.on('console', message => {
    if (message.type() === 'error' || message.type() === 'warning') list.push(message.text());
  });
  return list;
}

/** Opens the inspector of a gateway and waits until it is live. */
async function open(page: Page, gateway: RunningGateway): Promise<void> {
  await page.goto(gateway.inspector);
  await expect(page.getByRole('status').filter({ hasText: 'live' })).toBeVisible();
}

/** The entry of the connection that came from this client port. */
function connectionFrom(page: Page, port: number): Locator {
  return page
    .getByRole('listbox', { name: 'Connections' })
    .getByRole('option')
    .filter({ hasText: `127.0.0.1:${port}` });
}

/** Rows of the Streams table with this text. */
function streamRow(page: Page, text: string): Locator {
  return page.getByRole('grid', { name: 'Streams' }).getByRole('row').filter({ hasText: text });
}

async function tab(page: Page, name: string): Promise<void> {
  await page.getByRole('tab', { name }).click();
}

test.describe('the inspector shows the very connections that clients make', () => {
  let demo: RunningGateway;
  test.beforeAll(async () => {
    demo = await startGateway('demo');
  });
  test.afterAll(async () => {
    await demo.stop();
  });

  for (const [name, flags, secure, negotiation, types] of [
    ['HTTP/1.1', ['--http1.1'], false, 'HTTP/1.1', []],
    ['Upgrade', ['--http2'], false, 'Upgrade', ['SETTINGS', 'HEADERS', 'DATA']],
    ['prior knowledge', ['--http2-prior-knowledge'], false, 'h2c prior knowledge', ['SETTINGS', 'HEADERS', 'DATA']],
    ['ALPN', ['-k', '--http2'], true, 'ALPN h2', ['SETTINGS', 'HEADERS', 'DATA']],
  ] as const) {
    test(`curl by ${name}`, async ({ page }) => {
      test.skip(!installed('curl'), 'curl is not installed');
      const errors = complaints(page);
      await open(page, demo);
      const marker = `/headers?seen-by=${encodeURIComponent(name.replace(/\W/g, ''))}`;
      const base = secure ? demo.https : demo.http;
      const output = await command('curl', '-sS', ...flags, '-o', '/dev/null', '-w', '%{local_port}', base + marker);
      const entry = connectionFrom(page, Number(output)).filter({ hasText: negotiation });
      await entry.click();
      await tab(page, 'Streams');
      const row = streamRow(page, marker);
      await expect(row).toContainText('GET');
      await expect(row).toContainText('200');
      if (types.length > 0) {
        await tab(page, 'Frames');
        for (const type of types) await expect(page.getByRole('gridcell', { name: type }).first()).toBeVisible();
        await tab(page, 'Windows');
        await expect(
          page
            .getByRole('img')
            .filter({ has: page.locator('canvas') })
            .first(),
        ).toBeVisible();
      }
      expect(errors).toEqual([]);
    });
  }

  test('a page in Chromium: one connection, all its assets as streams, their fields in the pane', async ({
    page,
    context,
  }) => {
    const errors = complaints(page);
    await open(page, demo);
    const visitor = await context.newPage();
    await visitor.goto(`${demo.https}/`, { waitUntil: 'networkidle' });
    await visitor.close();
    const entry = page
      .getByRole('listbox', { name: 'Connections' })
      .getByRole('option')
      .filter({ hasText: 'ALPN h2' })
      .filter({ hasNotText: 'backend' });
    await entry.first().click();
    await tab(page, 'Streams');
    await expect(streamRow(page, '/assets/').nth(5)).toBeVisible();
    // One that was answered: the visitor may have left before all were.
    await streamRow(page, '/assets/').filter({ hasText: '200' }).first().click();
    const pane = page.getByRole('complementary', { name: /^Stream \d+/ });
    await expect(pane).toContainText(':status');
    await expect(pane).toContainText('content-type');
    expect(errors).toEqual([]);
  });

  test('an empty inspector offers a command for each listener, and says where it is', async ({ page }) => {
    const fresh = await startGateway('demo');
    try {
      await open(page, fresh);
      await expect(page.locator('footer')).toContainText(new URL(fresh.https).host);
      await expect(page.getByText(`curl -k --http2 ${fresh.https}/`).first()).toBeVisible();
      await expect(page.getByText(fresh.http).first()).toBeVisible();
    } finally {
      await fresh.stop();
    }
  });

  test('h2load: nothing is lost, or what is lost is counted', async ({ page }) => {
    test.skip(!installed('h2load'), 'h2load is not installed');
    await open(page, demo);
    await command('h2load', '-n', '3000', '-c', '4', '-m', '50', `${demo.http}/headers`);
    await expect
      .poll(async () => {
        const text = ((await page.locator('footer').textContent()) ?? '').replaceAll(/[,\u202f\u00a0]/g, '');
        const [, produced = 0, received = 1, dropped = 0] = (
          /produced\s*(\d+)\s*=\s*received\s*(\d+)\s*\+\s*dropped\s*(\d+)/.exec(text) ?? []
        ).map(Number);
        return produced > 9000 && produced === received + dropped;
      })
      .toBe(true);
  });

  test('only what matches is received when that is asked for, and everything again', async ({ page }) => {
    test.skip(!installed('h2load'), 'h2load is not installed');
    await open(page, demo);
    await page.getByRole('combobox', { name: 'Filter frames' }).fill('type=HEADERS path=/headers');
    await page.getByRole('button', { name: 'receive only what matches' }).click();
    const narrowed = page.getByRole('button', { name: 'Receive all frames again' });
    await expect(narrowed).toContainText('type=HEADERS path=/headers');
    await command('h2load', '-n', '500', '-c', '1', '-m', '10', `${demo.http}/headers`);
    const books = async (): Promise<readonly number[]> => {
      const text = ((await page.locator('footer').textContent()) ?? '').replaceAll(/[,\u202f\u00a0]/g, '');
      const found = /produced\s*(\d+)\s*=\s*received\s*(\d+)\s*\+\s*filtered\s*(\d+)\s*\+\s*dropped\s*(\d+)/.exec(text);
      return (found ?? []).slice(1).map(Number);
    };
    await expect
      .poll(async () => {
        const [produced = 0, received = 0, filtered = 0, dropped = 1] = await books();
        return received >= 1000 && filtered > 0 && dropped === 0 && produced === received + filtered;
      })
      .toBe(true);
    await tab(page, 'Frames');
    await narrowed.click();
    await expect(page.locator('footer')).not.toContainText('filtered');
    await page.getByRole('combobox', { name: 'Filter frames' }).fill('type=SETTINGS conn>=1');
    await expect(page.getByRole('gridcell', { name: 'SETTINGS' }).first()).toBeVisible();
  });

  test('pause holds the view while the ring keeps filling, and the filter narrows it', async ({ page }) => {
    test.skip(!installed('curl'), 'curl is not installed');
    await open(page, demo);
    const port = await command(
      'curl',
      '-sS',
      '--http2-prior-knowledge',
      '-o',
      '/dev/null',
      '-w',
      '%{local_port}',
      `${demo.http}/`,
    );
    await connectionFrom(page, Number(port)).click();
    await tab(page, 'Frames');
    await expect(page.getByRole('gridcell', { name: 'HEADERS' }).first()).toBeVisible();
    await page.getByRole('combobox', { name: 'Filter frames' }).fill('type=SETTINGS');
    await expect(page.getByRole('gridcell', { name: 'HEADERS' })).toHaveCount(0);
    await expect(page.getByRole('gridcell', { name: 'SETTINGS' }).first()).toBeVisible();
    await page.getByRole('button', { name: 'Pause' }).click();
    await expect(page.getByRole('button', { name: 'Resume' })).toBeVisible();
  });

  test('without the token nothing is shown', async ({ page }) => {
    await page.goto(demo.inspector.replace(/#.*/, ''));
    await expect(page.getByRole('listbox', { name: 'Connections' })).toHaveCount(0);
    await page.goto(demo.inspector.replace(/token=.*/, 'token=AAAAAAAAAAAAAAAAAAAAAA'));
    await expect(page.getByText(/token/i).first()).toBeVisible();
    await expect(page.getByRole('listbox', { name: 'Connections' })).toHaveCount(0);
  });
});

test('a backend that dies in the middle of a response is named in the inspector', async ({ page }) => {
  test.skip(!installed('nghttp'), 'nghttp is not installed');
  const backend = createServer(socket => {
    socket.on('error', () => {});
    socket.once('data', () => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nonly the beginning', () => socket.destroy());
    });
  });
  await new Promise<void>(resolve => backend.listen(0, '127.0.0.1', resolve));
  const gateway = await startGateway('--to', `http://127.0.0.1:${(backend.address() as AddressInfo).port}`);
  try {
    await open(page, gateway);
    await command('nghttp', '-v', `${gateway.http}/dies`).catch(() => '');
    const client = page
      .getByRole('listbox', { name: 'Connections' })
      .getByRole('option')
      .filter({ hasText: 'prior knowledge' });
    await client.first().click();
    await tab(page, 'Streams');
    const row = streamRow(page, '/dies');
    await row.click();
    await expect(page.getByRole('complementary', { name: /^Stream \d+/ })).toContainText(
      /closed the connection in the middle of the response \(backend_closed\)/,
    );
    await tab(page, 'Frames');
    await expect(page.getByRole('gridcell', { name: 'RST_STREAM' }).first()).toBeVisible();
  } finally {
    backend.close();
    await gateway.stop();
  }
});

test.describe('how it looks', () => {
  let busy: RunningGateway;
  let session: ClientHttp2Session;
  test.beforeAll(async () => {
    busy = await startGateway('demo', '--traffic', '--limits-http2-write-stall-timeout', '10m');
    // A visitor who loads a page ...
    session = connect(busy.https, { rejectUnauthorized: false });
    session.on('error', () => {});
    const page = ['/', '/assets/page.css', '/assets/page.js', '/headers', '/hints', '/trailers', '/status/404'];
    const tiles = Array.from({ length: 8 }, (_, i) => `/assets/tile/${i}.svg`);
    for (const path of [...page, ...tiles]) await once(session.request({ ':path': path }).resume(), 'close');
  });
  // ... and leaves two large downloads unread, which this gateway does not give up after half a minute.
  let stalled: ClientHttp2Stream[] = [];
  test.beforeEach(() => {
    stalled = ['/streams/firehose?mib=64', '/download?mib=16'].map(path => session.request({ ':path': path }).pause());
    for (const stream of stalled) stream.on('error', () => {});
  });
  test.afterEach(() => {
    for (const stream of stalled) stream.close();
  });
  test.afterAll(async () => {
    session.destroy();
    await busy.stop();
  });

  for (const scheme of ['dark', 'light'] as const) {
    for (const [width, height] of [
      [1280, 720],
      [1920, 1080],
    ] as const) {
      test(`${scheme} at ${width}x${height}`, async ({ browser }) => {
        const page = await browser.newPage({ colorScheme: scheme, viewport: { width, height } });
        const errors = complaints(page);
        await open(page, busy);
        await connectionFrom(page, session.socket.localPort ?? 0).click();
        for (const name of ['Overview', 'Frames', 'Windows', 'HPACK', 'Settings', 'Timeline', 'Streams']) {
          await tab(page, name);
          if (name === 'Streams') {
            await streamRow(page, '/streams/firehose').first().click();
            await expect(page.getByRole('complementary', { name: /^Stream \d+/ })).toContainText(/window/);
          }
          await page.waitForTimeout(600);
          const size = width === 1920 ? '' : '-1280';
          await page.screenshot({ path: join(SCREENSHOTS, `${name.toLowerCase()}-${scheme}${size}.png`) });
          const overflow = await page.evaluate(
            () =>
              document.documentElement.scrollWidth > innerWidth || document.documentElement.scrollHeight > innerHeight,
          );
          expect(overflow, `${name} does not fit`).toBe(false);
        }
        expect(errors).toEqual([]);
        await page.close();
      });
    }
  }
});
