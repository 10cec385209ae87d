// Holds source files to a length that a reader can keep in mind: over 300 lines is listed, over 500 fails.
// Generated tables, marked `@generated` in their first lines, are excepted. Tests are not counted.
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { ROOT, workspaceDirectories } from './lib/workspace.mjs';

const SOFT = 300;
const HARD = 500;
const SOURCE = /\.(?:ts|tsx|mjs|js|css)$/;
const SKIPPED = new Set(['node_modules', 'dist', 'test', '.turbo', 'data', 'corpus']);

const root = process.argv[2] ?? ROOT;
const long = [];
for (const directory of [...workspaceDirectories(root), 'scripts', 'e2e', 'fuzz']) visit(join(root, directory));
long.sort((a, b) => b.lines - a.lines);

for (const { file, lines } of long) {
  console.log(`${lines > HARD ? 'error' : 'warning'}: ${file} has ${lines} lines (soft ${SOFT}, hard ${HARD})`);
}
process.exitCode = long.some(({ lines }) => lines > HARD) ? 1 : 0;

function visit(directory) {
  let entries;
  try {
    entries = readdirSync(directory, { withFileTypes: true });
  } catch {
    return;
  }
  for (const entry of entries) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) {
      if (!SKIPPED.has(entry.name)) visit(path);
    } else if (SOURCE.test(entry.name)) {
      count(path);
    }
  }
}

function count(path) {
  const text = readFileSync(path, 'utf8');
  if (/@generated/.test(text.slice(0, 400))) return;
  const lines = text.split('\n').length - 1;
  if (lines > SOFT) long.push({ file: relative(root, path), lines });
}
