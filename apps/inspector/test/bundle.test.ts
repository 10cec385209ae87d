/** The built page stays small enough to be there at once, over a slow line as well. Needs `npm run build`. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';

const DIST = new URL('../dist/', import.meta.url);
const MOST = 350_000;

test.skipIf(!existsSync(new URL('index.html', DIST)))('all of the built page is below 350 kB, compressed', () => {
  const files = ['', 'assets/'].flatMap(folder =>
    readdirSync(new URL(folder, DIST), { withFileTypes: true })
      .filter(entry => entry.isFile() && !entry.name.endsWith('.map'))
      .map(entry => new URL(folder + entry.name, DIST)),
  );
  expect(files.some(file => file.pathname.endsWith('.js'))).toBe(true);
  const size = files.reduce((sum, file) => sum + gzipSync(readFileSync(file)).length, 0);
  expect(size).toBeGreaterThan(50_000);
  expect(size).toBeLessThan(MOST);
});
