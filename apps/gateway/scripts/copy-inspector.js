// Puts the built inspector page into dist/inspector, so that the packed gateway carries it.
import { cpSync, existsSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const from = fileURLToPath(new URL('../../inspector/dist/', import.meta.url));
const to = fileURLToPath(new URL('../dist/inspector/', import.meta.url));

if (!existsSync(from)) {
  console.error(`the inspector page is not built (${from}): run "npx turbo run build --filter=@glassway/gateway"`);
  process.exit(1);
}
rmSync(to, { recursive: true, force: true });
cpSync(from, to, { recursive: true });
