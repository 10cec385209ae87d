import { defineConfig } from 'playwright/test';
import { CHROMIUM_ARGS } from '../interop/peers/chromium-args.mjs';

export default defineConfig({
  testDir: '.',
  outputDir: '../test-results',
  timeout: 60_000,
  workers: 1,
  fullyParallel: false,
  retries: 0,
  expect: { timeout: 10_000 },
  use: {
    ignoreHTTPSErrors: true,
    launchOptions: {
      ...(process.env['GLASSWAY_CHROMIUM'] ? { executablePath: process.env['GLASSWAY_CHROMIUM'] } : {}),
      args: CHROMIUM_ARGS,
    },
  },
});
