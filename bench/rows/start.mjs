/** START: how long one waits for the gateway and for its inspector's page, and how much the page is. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { chromiumPath, withPage } from '../lib/browser.mjs';
import { median } from '../lib/load.mjs';
import { ratio } from '../lib/report.mjs';
import { startBackend, startInspected } from '../lib/servers.mjs';

const ROUNDS = 5;
const PAGE = new URL('../../apps/inspector/dist/', import.meta.url).pathname;

/** Milliseconds from the start of the process to the whole banner. */
async function bannerTime(backend) {
  const began = performance.now();
  const { server, url } = await startInspected(backend);
  return { server, took: performance.now() - began, url };
}

/** Milliseconds from the request to the first contentful paint, in a browser that runs already and knows nothing yet. */
function firstPaint(url) {
  return withPage(async page => {
    await page.goto(url);
    const handle = await page.waitForFunction(
      () => performance.getEntriesByName('first-contentful-paint')[0]?.startTime,
    );
    return handle.jsonValue();
  });
}

function compressedBytes(folder) {
  let bytes = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    if (entry.isFile()) bytes += gzipSync(readFileSync(join(entry.parentPath ?? entry.path, entry.name))).length;
  }
  return bytes;
}

export async function start(out) {
  const row = 'START';
  const tell = (shape, peer, value, unit, target) =>
    out.results.push(ratio({ row, shape, peer, value, unit, target, atLeast: false }));
  const backend = await startBackend();
  const banners = [];
  const paints = [];
  try {
    for (let round = 0; round < ROUNDS; round++) {
      const { server, took, url } = await bannerTime(backend);
      banners.push(took);
      try {
        if (chromiumPath() !== null) paints.push(await firstPaint(url));
      } finally {
        await server.stop();
      }
    }
  } finally {
    await backend.stop();
  }
  tell('gateway, to its banner', 'ms', median(banners), 'ms', null);
  if (paints.length > 0) tell('inspector, first paint', 'ms', median(paints), 'ms', 1000);
  else out.missing.add('chromium');
  tell('inspector, all files, gzip', 'kB', compressedBytes(PAGE) / 1000, 'kB', 350);
}
