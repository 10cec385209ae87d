// The programs of others that tests talk to: a browser, clients, servers. Node built-ins only.
import { accessSync, chmodSync, constants, existsSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { capture, step } from './command.mjs';
import { toolPath } from './workspace.mjs';

/** Directories that hold servers but are not on an ordinary user's path. */
const SERVER_DIRECTORIES = ['/usr/sbin', '/usr/local/sbin'];

/** Full path of a command, or null. */
export function which(name, path = process.env.PATH ?? '') {
  for (const directory of [...path.split(delimiter), ...SERVER_DIRECTORIES]) {
    const file = join(directory, name);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // Not in this one.
    }
  }
  return null;
}

/** The system's browser of the Chromium family, or null. */
export function systemBrowser() {
  return which('chromium') ?? which('chromium-browser') ?? which('google-chrome-stable') ?? which('google-chrome');
}

async function pythonImports(...modules) {
  for (const python of ['python3', '/usr/bin/python3']) {
    const { code } = await capture(python, ['-c', `import ${modules.join(', ')}`], { timeoutMs: 20_000 });
    if (code === 0) return true;
  }
  return false;
}

async function compilesAgainstNghttp2() {
  const program = '#include <nghttp2/nghttp2.h>\nint main(void) { return 0; }\n';
  const { code } = await capture('sh', ['-c', 'printf %s "$1" | cc -x c -fsyntax-only -', 'sh', program], {
    timeoutMs: 20_000,
  });
  return code === 0;
}

/** Every peer: the name to tell people, the Debian packages that bring it, and whether it is here. */
export const PEERS = [
  { name: 'chromium', packages: ['chromium'], isHere: async () => (systemBrowser() ?? (await ownBrowser())) !== null },
  {
    name: 'firefox',
    packages: ['firefox-esr'],
    isHere: async () => (which('firefox-esr') ?? which('firefox')) !== null,
  },
  { name: 'curl', packages: ['curl'], isHere: async () => which('curl') !== null },
  { name: 'openssl', packages: ['openssl'], isHere: async () => which('openssl') !== null },
  {
    name: 'nghttp and h2load',
    packages: ['nghttp2-client'],
    isHere: async () => which('nghttp') !== null && which('h2load') !== null,
  },
  { name: 'nghttpd', packages: ['nghttp2-server'], isHere: async () => which('nghttpd') !== null },
  { name: 'nginx', packages: ['nginx-light'], isHere: async () => which('nginx') !== null },
  { name: 'tshark', packages: ['tshark'], isHere: async () => which('tshark') !== null },
  { name: 'go', packages: ['golang-go'], isHere: async () => which('go') !== null },
  {
    name: 'python3 with h2 and hpack',
    packages: ['python3-h2', 'python3-hpack'],
    isHere: () => pythonImports('h2', 'hpack'),
  },
  {
    name: 'a C compiler with libnghttp2',
    packages: ['gcc', 'libc6-dev', 'libnghttp2-dev'],
    isHere: compilesAgainstNghttp2,
  },
];

/** Playwright's own Chromium, or null when it has not been downloaded. */
async function ownBrowser() {
  try {
    const { chromium } = await import('playwright');
    return existsSync(chromium.executablePath()) ? chromium.executablePath() : null;
  } catch {
    return null;
  }
}

async function missingOf(peers) {
  const here = await Promise.all(peers.map(peer => peer.isHere()));
  return peers.filter((_, index) => !here[index]);
}

/**
 * Installs what is missing: Debian packages where there is apt and root, Playwright's own browser otherwise. What
 * cannot be had is named; tests that need it skip, or fail under CI=true. Without anything missing it needs no network.
 *
 * @returns {Promise<string[]>} names of the peers that are still missing
 */
export async function ensurePeers(peers = PEERS, isRoot = process.getuid?.() === 0) {
  let missing = await missingOf(peers);
  if (missing.length > 0 && isRoot && which('apt-get') !== null) {
    await installPackages(missing.flatMap(peer => peer.packages));
    missing = await missingOf(missing);
  }
  if (missing.some(peer => peer.name === 'chromium')) {
    const args = [toolPath('playwright'), 'install', 'chromium'];
    await step("download Playwright's own browser", process.execPath, args, { timeoutMs: 300_000 });
    missing = await missingOf(missing);
  }
  return missing.map(peer => peer.name);
}

/** A package that cannot be had must not cost the others, so they are tried one by one when all at once fails. */
async function installPackages(packages) {
  const restore = forbidServiceStart();
  try {
    const install = (title, names) =>
      step(title, 'apt-get', ['install', '-y', '-q', '--no-install-recommends', ...names], {
        env: { DEBIAN_FRONTEND: 'noninteractive' },
        timeoutMs: 600_000,
      });
    if ((await install(`apt-get install ${packages.join(' ')}`, packages)).ok) return;
    // Stale or absent package lists are the usual reason.
    await step('apt-get update', 'apt-get', ['update', '-q'], { timeoutMs: 180_000 });
    if ((await install(`apt-get install ${packages.join(' ')}`, packages)).ok) return;
    for (const name of packages) await install(`apt-get install ${name}`, [name]);
  } finally {
    restore();
  }
}

/** Debian starts a server when it installs one. Tests start their own; this machine's ports are not ours to take. */
function forbidServiceStart(policy = '/usr/sbin/policy-rc.d') {
  if (existsSync(policy)) return () => {};
  try {
    writeFileSync(policy, '#!/bin/sh\nexit 101\n', { flag: 'wx' });
    chmodSync(policy, 0o755);
  } catch {
    return () => {};
  }
  const restore = () => rmSync(policy, { force: true });
  process.once('exit', restore);
  return restore;
}
