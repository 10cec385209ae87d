// Are the types wrong? `types-check.mjs MODULE ARCHIVE...` prints a list of problems for each archive, by the checker's
// module of that path, for those who import: its profile "esm-only".
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const IGNORED = new Set(['node10', 'node16-cjs']);
const [path, ...archives] = process.argv.slice(2);
const { checkPackage, createPackageFromTarballData } = await import(pathToFileURL(path).href);

for (const archive of archives) {
  const { types, problems = [] } = await checkPackage(createPackageFromTarballData(readFileSync(archive)));
  const found = problems
    .filter(({ resolutionKind }) => !IGNORED.has(resolutionKind))
    .map(({ kind, entrypoint, typesFileName }) => `${kind} ${entrypoint ?? typesFileName ?? ''}`);
  console.log(JSON.stringify(types === false ? ['no types', ...found] : found));
}
