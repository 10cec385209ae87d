/** P11: the inspector's page at a rate no eye follows: it must stay responsive, small, and its books right. */
import { chromiumPath, longTasksSince, pageBytes, watchLongTasks, withPage } from '../lib/browser.mjs';
import { OTHER_CORE, startProcess } from '../lib/process.mjs';
import { ratio } from '../lib/report.mjs';
import { own } from '../lib/servers.mjs';

const RATE = 50_000;
const SECONDS = 60;
/** Until the page has shown its first frames, what it does is loading. */
const WARM_UP_MS = 2000;

/** What the status bar says. */
const BOOKS =
  /produced\s*([\d\s.,]+?)\s*([=≠])\s*received\s*([\d\s.,]+?)\s*\+\s*dropped\s*([\d\s.,]+?)\D*kept\s*([\d\s.,]+)/;
const number = text => Number(text.replace(/\D/g, ''));

async function books(page) {
  const text = await page.locator('footer').textContent();
  const [, produced, sign, received, dropped, kept] = BOOKS.exec(text) ?? [];
  if (produced === undefined) throw new Error(`no books in the status bar: ${text}`);
  const told = { produced: number(produced), received: number(received), dropped: number(dropped), kept: number(kept) };
  return { ...told, balanced: sign === '=' && told.produced === told.received + told.dropped };
}

/** Feeds a page for so long and looks what became of it. */
export async function feedPage({ rate, seconds }) {
  const hub = await startProcess({
    name: 'synthetic hub',
    core: OTHER_CORE,
    command: [process.execPath, own('synthetic-hub.mjs')],
    env: { RATE: String(rate), SECONDS: String(seconds) },
    ready: output => output.includes('inspector '),
  });
  try {
    const url = /inspector (\S+)/.exec(hub.output())[1];
    return await withPage(async page => {
      await watchLongTasks(page);
      await page.goto(url);
      await page.getByRole('listbox', { name: 'Connections' }).getByRole('option').first().click();
      await page.getByRole('tab', { name: 'Frames' }).click();
      await page.waitForTimeout(WARM_UP_MS);
      const since = await page.evaluate(() => performance.now());
      const deadline = Date.now() + (seconds + 30) * 1000;
      let produced;
      while (produced === undefined) {
        if (Date.now() > deadline) throw new Error(`the hub has not ended:\n${hub.output()}`);
        await page.waitForTimeout(250);
        produced = /produced (\d+)/.exec(hub.output())?.[1];
      }
      const longTasks = await longTasksSince(page, since);
      let told = await books(page);
      for (let i = 0; i < 40 && told.produced < Number(produced); i++) {
        await page.waitForTimeout(100);
        told = await books(page);
      }
      return { ...told, made: Number(produced), longTasks, bytes: await pageBytes(page) };
    });
  } finally {
    await hub.stop();
  }
}

export async function p11(out) {
  if (chromiumPath() === null) {
    out.missing.add('chromium');
    return;
  }
  const row = 'P11';
  const shape = `page at ${RATE} frames/s, ${SECONDS} s`;
  const result = await feedPage({ rate: RATE, seconds: SECONDS });
  const tell = (peer, value, unit, target, atLeast = false) =>
    out.results.push(ratio({ row, shape, peer, value, unit, target, atLeast }));
  tell('longest task, ms', Math.max(0, ...result.longTasks), 'ms', 50);
  tell('tasks over 50 ms', result.longTasks.length, 'tasks', 0);
  tell('memory, MB', result.bytes / 1e6, 'MB', 200);
  tell('frames unaccounted', Math.abs(result.made - result.received - result.dropped), 'frames', 0);
  tell('frames received, share', result.received / result.made, 'share', null, true);
  tell('frames kept', result.kept, 'frames', Math.min(1_000_000, result.made), true);
}
