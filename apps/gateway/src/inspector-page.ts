import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * The folder with the built page: in the repository what the inspector's own build made, in the packed gateway the copy
 * it carries. Null when neither is there.
 */
export function findInspectorPage(): string | null {
  for (const folder of [inRepository(), fileURLToPath(new URL('./inspector', import.meta.url))]) {
    if (folder !== null && existsSync(join(folder, 'index.html'))) return folder;
  }
  return null;
}

function inRepository(): string | null {
  try {
    return join(dirname(createRequire(import.meta.url).resolve('@glassway/inspector/package.json')), 'dist');
  } catch {
    return null;
  }
}
