import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

/**
 * The page is served by the gateway's admin listener under a policy that allows only its own files, so nothing may be
 * inlined: no asset as data URL, no preload helper, no style element.
 */
export default defineConfig({
  base: './',
  plugins: [react()],
  resolve: { conditions: ['@glassway/source', 'module', 'browser', 'import', 'default'] },
  worker: { format: 'es' },
  build: {
    target: 'es2023',
    assetsInlineLimit: 0,
    modulePreload: false,
    reportCompressedSize: true,
    chunkSizeWarningLimit: 900,
  },
});
