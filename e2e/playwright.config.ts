import { defineConfig } from 'playwright/test';
import { CHROMIUM_ARGS } from '../interop/peers/chromium-args.mjs';

export default defineConfig({
  testDir: '.',
  outputDir: '../test-results',
  // How long a test or a wait in it may take, on a machine that does other things as well; none takes as long by itself.
  timeout: 180_000,
  workers: 1,
  fullyParallel: false,
  retries: 0,
  expect: { timeout: 30_000 },
  use: {
    ignoreHTTPSErrors: true,
    launchOptions: {
      ...(process.env['GLASSWAY_CHROMIUM'] ? { executablePath: process.env['GLASSWAY_CHROMIUM'] } : {}),
      args: CHROMIUM_ARGS,
    },
  },
});
