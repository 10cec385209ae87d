/** `glassway trust`, `untrust` and `doctor`. */
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DevelopmentCa } from '@glassway/tls-alpn';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkNode, examine, report } from '../src/commands/doctor.ts';
import { changeTrust, thisMachine } from '../src/commands/trust.ts';
import { type Machine, trustSteps } from '../src/commands/trust-stores.ts';
import { DEFAULT_SETTINGS } from '../src/config/settings.ts';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'glassway-commands-'));
});
afterAll(() => rm(directory, { recursive: true }));

const ROOT = { path: '/data/root-ca.pem', name: 'Glassway development CA 1a2b' };

function machine(over: Partial<Machine> & { files?: string[]; programs?: string[]; profiles?: string[] }): Machine {
  const { files = [], programs = [], profiles = [], ...more } = over;
  return {
    platform: 'linux',
    home: '/home/u',
    isRoot: false,
    exists: path => files.includes(path),
    list: path => (path === '/home/u/.mozilla/firefox' ? profiles : []),
    has: program => programs.includes(program),
    ...more,
  };
}

describe('which stores', () => {
  it('Debian: the system needs the superuser, Chromium and Firefox do not', () => {
    const here = machine({
      files: [
        '/usr/local/share/ca-certificates',
        '/home/u/.pki/nssdb/cert9.db',
        '/home/u/.mozilla/firefox/x.default/cert9.db',
      ],
      programs: ['update-ca-certificates', 'certutil'],
      profiles: ['x.default', 'Crash Reports'],
    });
    const steps = trustSteps('trust', here, ROOT);
    expect(steps.map(({ store, needsRoot }) => [store, needsRoot])).toEqual([
      ["the system's store", true],
      ['Chromium', false],
      ['Firefox (x.default)', false],
    ]);
    const target = '/usr/local/share/ca-certificates/glassway-development-ca-1a2b.crt';
    expect(steps[0]!.commands).toEqual([['cp', ROOT.path, target], ['update-ca-certificates']]);
    // What is not there need not be taken out.
    expect(trustSteps('untrust', here, ROOT)).toHaveLength(2);
    const trusting = { ...here, exists: (path: string) => path === target || here.exists(path), isRoot: true };
    expect(trustSteps('untrust', trusting, ROOT)[0]).toMatchObject({
      needsRoot: false,
      commands: [['rm', '-f', target], ['update-ca-certificates']],
    });
  });

  it('macOS and Windows', () => {
    expect(trustSteps('trust', machine({ platform: 'darwin' }), ROOT)[0]!.commands[0]!.slice(0, 2)).toEqual([
      'security',
      'add-trusted-cert',
    ]);
    expect(trustSteps('untrust', machine({ platform: 'win32' }), ROOT)[0]!.commands[0]).toEqual([
      'certutil',
      '-user',
      '-delstore',
      'Root',
      ROOT.name,
    ]);
  });
});

describe('trust and untrust', () => {
  it('say what was done, and what is left to the superuser', async () => {
    const ran: string[] = [];
    const lines: string[] = [];
    const files = ['/usr/local/share/ca-certificates', '/home/u/.pki/nssdb/cert9.db'];
    const here = machine({ files, programs: ['update-ca-certificates', 'certutil'] });
    const fine = await changeTrust(
      'trust',
      line => lines.push(line),
      here,
      directory,
      async (program, args) => void ran.push([program, ...args].join(' ')),
    );
    expect(fine).toBe(true);
    expect(ran).toHaveLength(1);
    expect(ran[0]).toMatch(
      /^certutil -A -d sql:\/home\/u\/.pki\/nssdb -t C,, -n Glassway development CA [0-9a-f]{8} -i /,
    );
    expect(lines.join('\n')).toMatch(
      /superuser; run:\n {2}sudo cp .*\n {2}sudo update-ca-certificates\nChromium: trusts/,
    );
  });

  it('a program that is missing or fails is told, and the answer is no', async () => {
    const lines: string[] = [];
    const here = machine({ files: ['/home/u/.pki/nssdb/cert9.db'] });
    expect(await changeTrust('trust', line => lines.push(line), here, directory)).toBe(false);
    expect(lines[0]).toContain('Chromium: certutil is not installed');
    const failing = { ...here, has: () => true };
    const fail = async (): Promise<void> => {
      throw new Error('bad database');
    };
    expect(await changeTrust('trust', line => lines.push(line), failing, directory, fail)).toBe(false);
    expect(lines[1]).toBe('Chromium: bad database');
  });

  it('with no store there is a hint; with no authority nothing to end', async () => {
    const lines: string[] = [];
    expect(await changeTrust('trust', line => lines.push(line), machine({}), directory)).toBe(true);
    expect(await changeTrust('untrust', line => lines.push(line), machine({}), join(directory, 'nowhere'))).toBe(true);
    expect(lines).toEqual([
      expect.stringMatching(/import .*root-ca.pem by hand/),
      expect.stringContaining('nothing trusts it'),
    ]);
  });

  it.runIf(process.platform === 'linux' && thisMachine().has('certutil'))(
    "a real store of Chromium's kind, with NSS's own program",
    async () => {
      const home = join(directory, 'home');
      const store = join(home, '.pki/nssdb');
      mkdirSync(store, { recursive: true });
      execFileSync('certutil', ['-N', '-d', `sql:${store}`, '--empty-password']);
      const listed = (): string => execFileSync('certutil', ['-L', '-d', `sql:${store}`], { encoding: 'utf8' });
      const here: Machine = {
        ...thisMachine(),
        home,
        exists: path => path.startsWith(directory) && thisMachine().exists(path),
      };
      const lines: string[] = [];
      const say = (line: string): void => void lines.push(line);
      expect(await changeTrust('trust', say, here, directory)).toBe(true);
      expect(listed()).toMatch(/Glassway development CA [0-9a-f]{8} +C,,/);
      expect(await changeTrust('untrust', say, here, directory)).toBe(true);
      expect(listed()).not.toContain('Glassway');
      expect(await changeTrust('untrust', say, here, directory)).toBe(true);
      expect(lines.at(-1)).toBe('Chromium: did not trust it');
    },
  );
});

describe('doctor', () => {
  const find = (findings: Awaited<ReturnType<typeof examine>>, text: RegExp) =>
    findings.find(each => text.test(each.text));

  it('finds nothing wrong where nothing is, and each problem with its fix', async () => {
    const ca = join(directory, 'ca');
    await DevelopmentCa.open({ directory: ca });
    const taken = createTcp().listen(0, '127.0.0.1');
    const app = createServer((_, response) => response.end()).listen(0, '127.0.0.1');
    await new Promise(resolve => app.on('listening', resolve));
    const { port } = taken.address() as AddressInfo;
    const findings = await examine(
      {
        ...DEFAULT_SETTINGS,
        https: { host: '127.0.0.1', port: 0 },
        http: { host: '127.0.0.1', port },
        inspector: null,
        to: [`http://127.0.0.1:${(app.address() as AddressInfo).port}`, 'http://127.0.0.1:1'],
      },
      ca,
    );
    taken.close();
    app.close();
    expect(find(findings, /^Node /)).toMatchObject({ level: 'ok' });
    expect(find(findings, /^https .* is free/)).toMatchObject({ level: 'ok' });
    expect(find(findings, /^http .* is taken/)).toMatchObject({
      level: 'problem',
      fix: expect.stringContaining('--http'),
    });
    expect(find(findings, /speaks HTTP\/1.1/)).toMatchObject({ level: 'ok' });
    expect(find(findings, /^backend http:\/\/127.0.0.1:1: /)).toMatchObject({ level: 'problem' });
    expect(find(findings, /does not have the development authority/)).toMatchObject({
      level: 'warning',
      fix: expect.stringContaining('glassway trust'),
    });
    expect(report(findings)).toContain('          fix: start it, or correct its URL\n');
  });

  it('certificates that cannot be used, keys that others can read, an old Node', async () => {
    const quiet = { ...DEFAULT_SETTINGS, https: { host: '127.0.0.1', port: 0 }, http: null, inspector: null };
    const missing = await examine({ ...quiet, cert: '/nowhere.pem', key: '/nowhere.key' });
    expect(find(missing, /cannot read \/nowhere.pem/)).toMatchObject({ level: 'problem' });
    const ca = join(directory, 'open');
    await DevelopmentCa.open({ directory: ca });
    await chmod(join(ca, 'root-ca-key.pem'), 0o644);
    expect(find(await examine(quiet, ca), /others can read/)).toMatchObject({
      level: 'problem',
      fix: expect.stringContaining('chmod 600'),
    });
    expect(find(await examine(quiet, join(directory, 'none')), /no development authority yet/)).toMatchObject({
      level: 'warning',
    });
    expect(await checkNode('18.20.0')).toMatchObject([{ level: 'problem' }]);
  });
});
