/** Chromium as the client of our server: what a page can do with HTTP/2, and what it shows of it. */
import type { Browser, Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { hasBrowser, launch } from './support/chromium.ts';
import { LARGE, OF_A_CLIENT, POSTED } from './support/expectations.ts';
import { type OurServer, ourServer } from './support/our-server.ts';

describe.skipIf(!hasBrowser)('Chromium, TLS', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launch();
  });
  afterAll(() => browser?.close());

  async function page(): Promise<{ server: OurServer; page: Page; failures: string[] }> {
    const server = await ourServer('TLS');
    const context = await browser.newContext({ ignoreHTTPSErrors: true });
    onTestFinished(() => context.close());
    const page = await context.newPage();
    const failures: string[] = [];
    page.on('requestfailed', request => failures.push(`${request.failure()?.errorText}`));
    await page.goto(`${server.base}/`);
    return { server, page, failures };
  }

  /** What a page gets: status, and digest of the body. */
  const FETCH = `async (path, method, octets) => {
    const body = octets === 0 ? undefined : Uint8Array.from({ length: octets }, (_, i) => i * 31 + (i >>> 8));
    const response = await fetch(path, { method, body });
    const digest = await crypto.subtle.digest('SHA-256', await response.arrayBuffer());
    const hex = [...new Uint8Array(digest)].map(octet => octet.toString(16).padStart(2, '0')).join('');
    const [{ nextHopProtocol, decodedBodySize }] = performance.getEntriesByName(new URL(path, location.href).href).slice(-1);
    return { report: response.status + ' ' + hex, nextHopProtocol, decodedBodySize };
  }`;

  test(OF_A_CLIENT.get.title, async () => {
    const got = await (await page()).page.evaluate(`(${FETCH})('/large', 'GET', 0)`);
    const wanted = { report: OF_A_CLIENT.get.report, nextHopProtocol: 'h2', decodedBodySize: LARGE };
    expect(got).toEqual(wanted);
  });

  test(OF_A_CLIENT.post.title, async () => {
    const got = await (await page()).page.evaluate(`(${FETCH})('/echo', 'POST', ${POSTED})`);
    expect(got).toMatchObject({ report: OF_A_CLIENT.post.report, nextHopProtocol: 'h2' });
  });

  test('a body streamed up while the answer is not there', async () => {
    const seen = await (await page()).page.evaluate(`(async () => {
      let left = 5;
      const body = new ReadableStream({
        pull: controller => (left-- === 0 ? controller.close() : controller.enqueue(new Uint8Array(100000))),
      });
      return (await fetch('/length', { method: 'POST', body, duplex: 'half' })).text();
    })()`);
    expect(seen).toBe('500000 none');
  });

  test(OF_A_CLIENT.head.title, async () => {
    const seen = await (await page()).page.evaluate(`(async () => {
      const response = await fetch('/large', { method: 'HEAD' });
      return response.status + ' ' + (await response.arrayBuffer()).byteLength;
    })()`);
    expect(seen).toBe('200 0');
  });

  test('fifty requests at once over one connection', async () => {
    const seen = await (await page()).page.evaluate(`(async () => {
      const all = await Promise.all(Array.from({ length: 50 }, async (_, i) => (await fetch('/trailers?' + i)).status));
      return [all.length, new Set(performance.getEntriesByType('resource').map(each => each.nextHopProtocol)).size];
    })()`);
    expect(seen).toEqual([50, 1]);
  });

  test(OF_A_CLIENT.reset.title, async () => {
    const { page: tab, failures } = await page();
    const seen = await tab.evaluate(`fetch('/reset').catch(error => error.name)`);
    expect([seen, ...failures]).toEqual(['TypeError', 'net::ERR_HTTP2_PROTOCOL_ERROR']);
    expect(await tab.evaluate(`fetch('/nothing').then(({ status }) => status)`)).toBe(404);
  });

  test(OF_A_CLIENT.cancel.title, async () => {
    const { page: tab, server } = await page();
    const status = await tab.evaluate(`(async () => {
      const abort = new AbortController();
      const response = await fetch('/endless', { signal: abort.signal });
      await response.body.getReader().read();
      abort.abort();
      return (await fetch('/cancelled')).status;
    })()`);
    expect([status, await server.cancelled]).toEqual([404, 'CANCEL']);
  });

  test(OF_A_CLIENT.shutdown.title, async () => {
    const { page: tab, server } = await page();
    expect(await tab.evaluate(`fetch('/drain').then(response => response.text())`)).toBe('half done');
    expect(await server.drained).toMatchObject({ error: null, code: 0, cut: 0 });
    // The page does not notice that this is another connection.
    expect(await tab.evaluate(`fetch('/nothing').then(({ status }) => status)`)).toBe(404);
  });

  // Whether a hint is followed is the browser's choice (RFC 8297 2), and Chromium does not always.
  test('103 before a page: the page comes as it would without', async () => {
    const { page: tab, server, failures } = await page();
    const response = await tab.goto(`${server.base}/page`);
    expect([response?.status(), await tab.title(), ...failures]).toEqual([200, 'hinted']);
  });
});
