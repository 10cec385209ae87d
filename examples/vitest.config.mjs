import { defineConfig } from 'vitest/config';

// The programs run as a user runs them, on the built packages.
export default defineConfig({ test: { include: ['test/**/*.test.mjs'], testTimeout: 60_000 } });
