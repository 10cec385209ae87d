import { defineConfig } from 'vitest/config';

// Against the built packages, as coverage is counted on them.
export default defineConfig({ test: { include: ['test/**/*.test.mjs'], testTimeout: 240_000 } });
