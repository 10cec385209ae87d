// Runs fake-hub.ts, which Node 20 cannot by itself: Vite's module runner takes the types off.
import { runnerImport } from 'vite';

const { module } = await runnerImport(new URL('./fake-hub.ts', import.meta.url).pathname, {
  configFile: false,
  logLevel: 'error',
  resolve: { conditions: ['@glassway/source', 'node', 'import', 'default'] },
  ssr: { resolve: { conditions: ['@glassway/source', 'node', 'import', 'default'] } },
});
await module.main(process.argv.slice(2));
