// Installs what package-lock.json names, when it is not installed already. Node built-ins only.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { step } from './command.mjs';
import { ROOT, readJson, workspaceDirectories } from './workspace.mjs';

const MARKER = 'node_modules/.glassway-installed';

/** Changes when what has to be installed changes: the lock file, any package.json, the platform, Node's major version. */
export function fingerprint(root = ROOT) {
  const hash = createHash('sha256');
  for (const file of [
    'package-lock.json',
    'package.json',
    ...workspaceDirectories(root).map(d => `${d}/package.json`),
  ]) {
    hash
      .update(`${file}\0`)
      .update(readFileSync(join(root, file)))
      .update('\0');
  }
  return hash.update(`${process.platform} ${process.arch} ${process.versions.modules}`).digest('hex');
}

/**
 * Whether node_modules already holds what the lock file names, whoever installed it: npm leaves a lock file of what it
 * did. Packages for other platforms are optional and may be absent.
 */
export function isInstalled(root = ROOT) {
  const wanted = readJson(join(root, 'package-lock.json'))?.packages;
  const present = readJson(join(root, 'node_modules/.package-lock.json'))?.packages;
  if (!wanted || !present) return false;
  return Object.entries(wanted).every(([path, entry]) => {
    if (!path.startsWith('node_modules/') && !path.includes('/node_modules/')) return true;
    const got = present[path];
    if (got === undefined) return entry.optional === true;
    return got.version === entry.version && got.link === entry.link && existsSync(join(root, path));
  });
}

/**
 * Makes node_modules match package-lock.json. Does nothing, and needs no network, when it does.
 *
 * @returns {Promise<boolean>} false when the installation failed
 */
export async function ensureDependencies() {
  const marker = join(ROOT, MARKER);
  const wanted = fingerprint();
  if (existsSync(marker) && readFileSync(marker, 'utf8') === wanted) return true;
  if (!isInstalled()) {
    console.log('  installing dependencies from package-lock.json (the first time takes about a minute) ...');
    const args = ['ci', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'];
    // Under `npm start` this is the npm that was called; run by hand, whichever is on the path.
    const npm = process.env.npm_execpath;
    const { ok } = npm?.endsWith('npm-cli.js')
      ? await step('npm ci', process.execPath, [npm, ...args], { timeoutMs: 600_000 })
      : await step('npm ci', 'npm', args, { timeoutMs: 600_000 });
    if (!ok) {
      console.log('  Dependencies could not be installed; is the package registry reachable?');
      return false;
    }
  }
  writeFileSync(marker, wanted);
  return true;
}
