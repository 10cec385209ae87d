import { defineConfig } from 'vitest/config';

export default defineConfig({
  resolve: { conditions: ['@glassway/source', 'node', 'import', 'default'] },
  ssr: { resolve: { conditions: ['@glassway/source', 'node', 'import', 'default'] } },
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: 'test/global-setup.ts',
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
