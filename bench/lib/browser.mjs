/** A page in headless Chromium, and what it costs there. */
import { CHROMIUM_ARGS } from '@glassway/interop/peers/chromium-args.mjs';
import { which } from './process.mjs';

// Memory is told at once instead of with the next collection.
const ARGS = [...CHROMIUM_ARGS, '--enable-blink-features=ForceEagerMeasureMemory'];

/** Chromium's path, or null. */
export function chromiumPath() {
  return process.env.GLASSWAY_CHROMIUM ?? which('chromium') ?? which('chromium-browser') ?? which('google-chrome');
}

/** Runs `work` with a page of a new browser. */
export async function withPage(work) {
  const { chromium } = await import('playwright');
  const browser = await chromium.launch({ executablePath: chromiumPath(), args: ARGS });
  try {
    const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
    return await work(page);
  } finally {
    await browser.close();
  }
}

/** Before the page is opened: tasks of the main thread above 50 ms are noted from now on. */
export async function watchLongTasks(page) {
  await page.addInitScript(() => {
    globalThis.longTasks = [];
    new PerformanceObserver(list => {
      for (const { startTime, duration } of list.getEntries()) globalThis.longTasks.push({ startTime, duration });
    }).observe({ type: 'longtask', buffered: true });
  });
}

/** Long tasks that began after this time of the page's clock, milliseconds each. */
export async function longTasksSince(page, since) {
  const all = await page.evaluate(() => globalThis.longTasks);
  return all.filter(task => task.startTime > since).map(task => task.duration);
}

/** Octets of page and workers, typed arrays included. */
export async function pageBytes(page) {
  return page.evaluate(async () => (await performance.measureUserAgentSpecificMemory()).bytes);
}
