import { createRequire } from 'node:module';
import { afterEach, expect, test } from 'vitest';
import { Cleanup, scratch } from './support.ts';

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

const { cache } = createRequire(import.meta.url);
const isForgeLoaded = (): boolean => Object.keys(cache).some(path => path.includes('node-forge'));

// In a file, hence a process, of its own: what another test has loaded stays loaded.
test('node-forge is loaded when the first certificate is minted, and not before', async () => {
  const { DevelopmentCa } = await import('../src/index.ts');
  expect(isForgeLoaded()).toBe(false);
  const directory = await scratch(cleanup);
  await DevelopmentCa.open({ directory });
  expect(isForgeLoaded()).toBe(true);
});
