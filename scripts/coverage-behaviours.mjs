// `npm run coverage:behaviours`: the behaviours of docs/behaviours.md whose id no test names. It informs and never fails:
// a number to bring down, not a gate.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, workspaceDirectories } from './lib/workspace.mjs';

const ID = /\b[A-Z]{3}-\d{2}\b/g;
const TEST = /\.(?:test|spec)\.(?:ts|tsx|mjs)$/;

const root = process.argv[2] ?? ROOT;
const catalogue = readFileSync(join(root, 'docs/behaviours.md'), 'utf8');
const wanted = new Map();
for (const line of catalogue.split('\n')) {
  const [id] = line.match(ID) ?? [];
  if (id !== undefined && /^\s*[-|]/.test(line) && !wanted.has(id))
    wanted.set(id, line.replace(/^[-\s[\]x|]*/, '').trim());
}

const named = new Set();
for (const directory of [...workspaceDirectories(root), 'e2e']) visit(join(root, directory));

const missing = [...wanted].filter(([id]) => !named.has(id));
for (const [, line] of missing) console.log(line);
console.log(`${wanted.size - missing.length} of ${wanted.size} behaviours are named by a test`);

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
      if (entry.name !== 'node_modules' && entry.name !== 'dist') visit(path);
    } else if (TEST.test(entry.name)) {
      for (const id of readFileSync(path, 'utf8').match(ID) ?? []) named.add(id);
    }
  }
}
