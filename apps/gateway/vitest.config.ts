import { defineConfig } from 'vitest/config';

export default defineConfig({
  resolve: { conditions: ['@glassway/source', 'node', 'import', 'default'] },
  ssr: { resolve: { conditions: ['@glassway/source', 'node', 'import', 'default'] } },
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // How long `expect.poll` waits for what must happen: as PATIENCE of test/support/patience.ts.
    expect: { poll: { timeout: 15_000, interval: 20 } },
  },
});
