// `npm run coverage:behaviours`: the behaviours of docs/behaviours.md whose id no test names. It informs and never fails:
// a number to bring down, not a gate. A line that ends in `(not applicable: why)` is listed by itself, with its reason.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, workspaceDirectories } from './lib/workspace.mjs';

const ID = /\b[A-Z]{3}-\d{2}\b/g;
/** What stands behind a behaviour that cannot have a test here. */
const REASON = /\(not applicable: .+\)$/;
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
for (const directory of [...workspaceDirectories(root), 'e2e', 'fuzz']) visit(join(root, directory));

const unnamed = [...wanted].filter(([id]) => !named.has(id));
const missing = unnamed.filter(([, line]) => !REASON.test(line));
const excused = unnamed.filter(([, line]) => REASON.test(line));
for (const [, line] of missing) console.log(line);
if (excused.length > 0) console.log(`${missing.length === 0 ? '' : '\n'}Not applicable:`);
for (const [, line] of excused) console.log(line);
const applicable = wanted.size - excused.length;
const rest = excused.length === 0 ? '' : `, ${excused.length} are not applicable`;
console.log(`${applicable - missing.length} of ${applicable} behaviours are named by a test${rest}`);

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
