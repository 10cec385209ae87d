import { networkInterfaces } from 'node:os';
import { describe, expect, it } from 'vitest';
import { formatAddress, isLoopback, parseListenAddress, parseNetworks } from '../src/config/address.ts';
import { type Invocation, parseCommandLine } from '../src/config/command-line.ts';
import { reachesListener } from '../src/config/own-address.ts';
import { DEFAULT_SETTINGS, type Settings, UsageProblem } from '../src/config/settings.ts';

async function parse(
  line: string,
  env: Record<string, string> = {},
): Promise<{ invocation: Invocation; printed: string }> {
  const printed: string[] = [];
  const args = line.split(' ').filter(word => word !== '');
  const print = (text: string): void => void printed.push(text);
  const invocation = await parseCommandLine(args, { env, version: '1.2.3', print });
  return { invocation, printed: printed.join('') };
}

async function settingsOf(line: string, env: Record<string, string> = {}): Promise<Settings> {
  const { invocation } = await parse(line, env);
  if (!('settings' in invocation)) throw new Error('nothing to run');
  return invocation.settings;
}

describe('addresses', () => {
  it.each([
    ['127.0.0.1:8443', '127.0.0.1:8443'],
    ['8443', '127.0.0.1:8443'],
    [':0', '127.0.0.1:0'],
    ['[::1]:80', '[::1]:80'],
    ['localhost:80', 'localhost:80'],
  ])('%s', (text, formatted) => {
    expect(formatAddress(parseListenAddress(text, '--http')!)).toBe(formatted);
  });

  it('off is none', () => expect(parseListenAddress('off', '--http')).toBeNull());

  it.each(['', 'host', 'host:', 'a b:1', ':65536', '::1:80', '[host]:80', 'http://a:1'])('"%s" is refused', text => {
    expect(() => parseListenAddress(text, '--http')).toThrow(/--http: .*HOST:PORT/);
  });

  it('loopback is what only this machine reaches', () => {
    expect(
      ['127.0.0.1', '127.9.9.9', '::1', 'localhost', '0.0.0.0', '::', '192.0.2.1', 'example.com'].map(isLoopback),
    ).toEqual([true, true, true, true, false, false, false, false]);
  });

  it('networks', () => {
    const contains = parseNetworks(['10.0.0.0/8', 'fd00::/8', '192.0.2.1'], '--trusted-proxy');
    expect(['10.1.2.3', 'fd12::1', '192.0.2.1', '192.0.2.2', '', 'x'].map(contains)).toEqual([
      true,
      true,
      true,
      false,
      false,
      false,
    ]);
    expect(() => parseNetworks(['10.0.0.0/33'], '--trusted-proxy')).toThrow(/--trusted-proxy: "10.0.0.0\/33"/);
  });
});

describe('own addresses', () => {
  const isOwn = reachesListener({ host: '127.0.0.1', port: 8090 });

  it.each([
    ['127.0.0.1', 8090, true],
    ['127.0.0.1', 8091, false],
    ['::1', 8090, true],
    ['0.0.0.0', 8090, true],
    ['::', 8090, true],
    ['::ffff:127.0.0.1', 8090, true],
    ['192.0.2.1', 8090, false],
    ['not an address', 8090, false],
  ])('%s port %i: %s', (address, port, own) => {
    expect(isOwn(address, port)).toBe(own);
  });

  const outside = Object.values(networkInterfaces()).flatMap(all => all ?? []);

  it.each(['0.0.0.0', '::', 'gateway.internal'])(
    'a listener on %s is reached by every address of this machine',
    host => {
      const reaches = reachesListener({ host, port: 8090 });
      expect(outside.length).toBeGreaterThan(0);
      for (const { address } of outside) {
        expect(reaches(address, 8090), address).toBe(true);
        expect(reaches(address, 8091), address).toBe(false);
      }
      expect(reaches('192.0.2.1', 8090)).toBe(false);
    },
  );

  it('a listener on one address is not reached by the others, loopback apart', () => {
    for (const { address, internal } of outside) if (!internal) expect(isOwn(address, 8090), address).toBe(false);
  });
});

describe('command line', () => {
  it('--max-concurrent-streams takes a whole number in its range', async () => {
    expect((await settingsOf('demo')).maxConcurrentStreams).toBe(128);
    expect((await settingsOf('demo --max-concurrent-streams 1000')).maxConcurrentStreams).toBe(1000);
    expect((await settingsOf('demo', { GLASSWAY_MAX_CONCURRENT_STREAMS: '7' })).maxConcurrentStreams).toBe(7);
    for (const bad of ['0', '-1', '1.5', 'many', '65537']) {
      await expect(settingsOf(`demo --max-concurrent-streams ${bad}`)).rejects.toThrow(/whole number from 1 to 65536/);
    }
  });

  it('run is the default command, and one backend is all it needs', async () => {
    const { invocation } = await parse('--to http://localhost:3000');
    expect(invocation).toMatchObject({ command: 'run' });
    expect(await settingsOf('--to http://localhost:3000')).toEqual({
      ...DEFAULT_SETTINGS,
      to: ['http://localhost:3000'],
    });
    expect((await parse('run --to http://localhost:3000')).invocation).toEqual(invocation);
  });

  it('reads every flag', async () => {
    const settings = await settingsOf(
      '--to http://a:1 --to h2c://b:2,h2://c --https [::1]:1 --http off --inspector off --cert c.pem --key k.pem ' +
        '--access-log - --access-log-format json --log-level debug --no-upgrade --max-concurrent-streams 9 --trusted-proxy 10.0.0.0/8 --trusted-proxy ::1',
    );
    expect(settings).toEqual({
      ...DEFAULT_SETTINGS,
      to: ['http://a:1', 'h2c://b:2', 'h2://c'],
      https: { host: '::1', port: 1 },
      http: null,
      inspector: null,
      cert: 'c.pem',
      key: 'k.pem',
      accessLog: '-',
      accessLogFormat: 'json',
      logLevel: 'debug',
      upgrade: false,
      maxConcurrentStreams: 9,
      trustedProxy: ['10.0.0.0/8', '::1'],
    });
  });

  it('reads the environment; a flag wins', async () => {
    const env = {
      GLASSWAY_TO: 'http://a:1,http://b:2',
      GLASSWAY_HTTPS: '9443',
      GLASSWAY_ACCESS_LOG: '/tmp/log',
      GLASSWAY_NO_UPGRADE: '1',
      GLASSWAY_INSPECTOR: '',
    };
    const settings = await settingsOf('--https 9444', env);
    expect(settings).toMatchObject({
      to: ['http://a:1', 'http://b:2'],
      https: { port: 9444 },
      accessLog: '/tmp/log',
      upgrade: false,
    });
    expect(settings.inspector).toEqual(DEFAULT_SETTINGS.inspector);
    expect((await settingsOf('', { ...env, GLASSWAY_NO_UPGRADE: '0' })).upgrade).toBe(true);
    expect((await settingsOf('--to http://c:3', env)).to).toEqual(['http://c:3']);
  });

  it('demo needs no backend', async () => {
    expect((await parse('demo')).invocation).toMatchObject({
      command: 'demo',
      settings: DEFAULT_SETTINGS,
      traffic: false,
    });
    expect((await parse('demo --traffic --http 0')).invocation).toMatchObject({
      traffic: true,
      settings: { http: { port: 0 } },
    });
    expect((await parse('demo', { GLASSWAY_TRAFFIC: 'yes' })).invocation).toMatchObject({ traffic: true });
  });

  it('prints version and help, and runs nothing', async () => {
    expect(await parse('--version')).toEqual({ invocation: { command: 'nothing' }, printed: '1.2.3\n' });
    const { invocation, printed } = await parse('--help');
    expect(invocation.command).toBe('nothing');
    expect(printed).toContain('glassway --to http://localhost:3000');
    for (const line of ['--help', 'run --help', 'demo --help']) {
      expect((await parse(line)).printed.split('\n').filter(each => each.includes('--access-log <path>'))).toHaveLength(
        1,
      );
    }
  });

  it.each([
    ['', /--to http:\/\/localhost:3000.*glassway demo/],
    ['--to localhost:3000', /--to: .*did you mean http:\/\/localhost:3000\?/],
    ['--to 3000', /did you mean http:\/\/localhost:3000\?/],
    ['http://localhost:3000', /a backend is named by a flag: glassway --to http:\/\/localhost:3000/],
    ['--to http://a/path', /--to: .*only scheme, host and port/],
    ['--to http://a --https x', /--https: "x" is not an address/],
    ['--to http://a --https off --http off', /both off/],
    ['--to http://a --https 8080', /--https and --http are both 127\.0\.0\.1:8080: choose two addresses/],
    ['--to http://a --inspector 8443', /--https and --inspector are both/],
    ['--to http://a --cert c', /--cert needs --key/],
    ['--to http://a --key c', /--key needs --cert/],
    ['--to http://a --inspector 0.0.0.0:1', /--inspector 0.0.0.0:1: .*loopback/],
    ['--to http://a --log-level loud', /--log-level: expected one of error, warn, info, debug, found "loud"/],
    ['--to http://a --acces-log x', /unknown option '--acces-log'.*--access-log/s],
    ['--to', /argument missing/],
    ['start', /"start" is no command \(there are: run, validate, doctor/],
    ['demo x', /demo takes no arguments, and "x" is one/],
    ['demo --to http://a', /unknown option '--to'/],
    ['--to http://a --trusted-proxy x', /--trusted-proxy: "x" is not a network/],
  ])('"%s" is a usage problem that says what to do', async (line, message) => {
    const failure = await parse(line).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(UsageProblem);
    expect((failure as Error).message).toMatch(message);
  });

  it('a bad variable is named as such', async () => {
    await expect(parse('', { GLASSWAY_TO: 'x' })).rejects.toThrow(/^GLASSWAY_TO: /);
  });
});
