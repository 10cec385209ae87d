import { defineConfig } from 'vitest/config';

// The packages as they are published: what stands in dist.
export default defineConfig({ test: { include: ['test/**/*.test.ts'], testTimeout: 90_000, hookTimeout: 300_000 } });
