import { chmodSync, existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { ensurePeers, PEERS, which } from '../lib/peers.mjs';
import { tree } from './support.mjs';

/** An apt-get that notes its arguments, fails as often as told, and then "installs" by making files. */
function fakeApt(failures) {
  const root = tree({
    'bin/apt-get': `#!/bin/sh
echo "$@" >> "$(dirname "$0")/../log"
case "$1" in update) exit 0;; esac
count=$(cat "$(dirname "$0")/../count"); echo $((count + 1)) > "$(dirname "$0")/../count"
[ "$count" -lt ${failures} ] && exit 100
for name in "$@"; do : > "$(dirname "$0")/../installed-$name"; done
`,
    count: '0',
  });
  chmodSync(join(root, 'bin/apt-get'), 0o755);
  vi.stubEnv('PATH', `${join(root, 'bin')}${delimiter}${process.env.PATH}`);
  vi.spyOn(console, 'log').mockImplementation(() => {});
  const peer = name => ({ name, packages: [name], isHere: async () => existsSync(join(root, `installed-${name}`)) });
  const log = () => (existsSync(join(root, 'log')) ? readFileSync(join(root, 'log'), 'utf8').trim().split('\n') : []);
  return { peer, log };
}

afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

const INSTALL = 'install -y -q --no-install-recommends';

describe.runIf(process.platform !== 'win32')('ensurePeers', () => {
  test('installs what is missing, in one go, and then finds it without asking again', async () => {
    const { peer, log } = fakeApt(0);
    expect(await ensurePeers([peer('one'), peer('two')], true)).toEqual([]);
    expect(log()).toEqual([`${INSTALL} one two`]);
    expect(await ensurePeers([peer('one'), peer('two')], true)).toEqual([]);
    expect(log()).toHaveLength(1);
  });

  test('updates stale package lists only when the first attempt fails', async () => {
    const { peer, log } = fakeApt(1);
    expect(await ensurePeers([peer('one')], true)).toEqual([]);
    expect(log()).toEqual([`${INSTALL} one`, 'update -q', `${INSTALL} one`]);
  });

  test('a package that cannot be had does not cost the others', async () => {
    const { peer, log } = fakeApt(3);
    expect(await ensurePeers([peer('one'), peer('two')], true)).toEqual(['one']);
    expect(log().slice(-2)).toEqual([`${INSTALL} one`, `${INSTALL} two`]);
  });

  test('without root nothing is installed, and what is missing is named', async () => {
    const { peer, log } = fakeApt(0);
    expect(await ensurePeers([peer('one')], false)).toEqual(['one']);
    expect(log()).toEqual([]);
  });

  test('the policy that keeps servers from starting is gone afterwards', async () => {
    const before = existsSync('/usr/sbin/policy-rc.d');
    await ensurePeers([fakeApt(0).peer('one')], true);
    expect(existsSync('/usr/sbin/policy-rc.d')).toBe(before);
  });
});

test('every peer has a name, packages and a probe', () => {
  for (const peer of PEERS) expect(peer.packages.length, peer.name).toBeGreaterThan(0);
  expect(new Set(PEERS.map(peer => peer.name)).size).toBe(PEERS.length);
});

test('which finds a program on a path, and nothing where there is none', () => {
  const root = tree({ 'bin/tool': '#!/bin/sh\n', 'bin/data': '' });
  chmodSync(join(root, 'bin/tool'), 0o755);
  expect(which('tool', join(root, 'bin'))).toBe(join(root, 'bin/tool'));
  expect(which('data', join(root, 'bin'))).toBeNull();
  expect(which('no-such-tool', join(root, 'bin'))).toBeNull();
});
