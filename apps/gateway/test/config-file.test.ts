/** The configuration file: what it may say, and what the user is told when it says something else. */
import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseCommandLine } from '../src/config/command-line.ts';
import { parseConfig } from '../src/config/file.ts';
import { readSettings } from '../src/config/load.ts';
import { DEFAULT_POOL } from '../src/config/pool-settings.ts';
import { SETTINGS, settingsSchema } from '../src/config/schema.ts';
import { DEFAULT_SETTINGS, type Settings } from '../src/config/settings.ts';
import { describeSettings } from '../src/config/validate.ts';

function settingsOf(content: string, needsBackends = false): Settings {
  return readSettings(parseConfig(content, 'glassway.yaml', '/etc/glassway'), { overrides: [], needsBackends });
}

function wrong(content: string): string[] {
  try {
    settingsOf(content);
  } catch (error) {
    return (error as Error).message.split('\n');
  }
  return [];
}

describe('what a file may say', () => {
  it('nothing: the defaults', () => {
    for (const content of ['', '# only a comment\n', '{}']) expect(settingsOf(content)).toEqual(DEFAULT_SETTINGS);
  });

  it('YAML with units, short forms and anchors', () => {
    const settings = settingsOf(`
https: 0.0.0.0:443
http: unix:/run/glassway.sock
inspector: off
trustedProxy: 10.0.0.0/8
limits: { headersTimeout: 5s, maxHeaderBytes: 32KiB, bodyTimeout: off, http2: { initialWindowSize: 2MiB } }
backends:
  one: http://a:1
  two: [http://a:1, { url: 'h2c://b:2', weight: 3 }]
  three: &three
    targets: [https://c]
    health: { path: /healthz, interval: 500ms }
  four: *three
routes:
  - { host: [a.test, '*.b.test'], prefix: /api, method: POST, to: two, rewritePrefix: / }
  - { headers: { x-debug: 1 }, respond: { status: 204 } }
`);
    expect(settings).toMatchObject({
      https: { host: '0.0.0.0', port: 443 },
      http: { path: '/run/glassway.sock' },
      inspector: null,
      trustedProxy: ['10.0.0.0/8'],
      limits: { headersTimeoutMs: 5000, maxHeaderBytes: 32_768, bodyTimeoutMs: 0, maxPipelined: 64 },
    });
    expect(settings.limits.http2).toEqual({ ...DEFAULT_SETTINGS.limits.http2, initialWindowSize: 2_097_152 });
    const { one, two, three, four } = settings.backends;
    expect(one).toEqual({ ...DEFAULT_POOL, targets: [{ url: 'http://a:1', weight: 1 }] });
    expect(two!.targets[1]).toEqual({ url: 'h2c://b:2', weight: 3 });
    expect(three!.health).toMatchObject({ path: '/healthz', intervalMs: 500, timeoutMs: 2000 });
    expect(four).toEqual(three);
    expect(settings.routes).toEqual([
      { host: ['a.test', '*.b.test'], prefix: '/api', method: ['POST'], to: ['two'], rewritePrefix: '/' },
      { headers: { 'x-debug': '1' }, respond: { status: 204 } },
    ]);
  });

  it('JSON is YAML', () => {
    expect(settingsOf(JSON.stringify({ http: 'off', logLevel: 'debug' }))).toMatchObject({
      http: null,
      logLevel: 'debug',
    });
  });

  it('relative paths are relative to the file', () => {
    expect(settingsOf('{ cert: tls/c.pem, key: /k.pem, accessLog: "-" }')).toMatchObject({
      cert: '/etc/glassway/tls/c.pem',
      key: '/k.pem',
      accessLog: '-',
    });
  });

  it('property: settings written out are the same settings when read', () => {
    const rounded = SETTINGS.write(
      settingsOf('{ limits: { headersTimeout: 90s }, backends: { a: http://a }, routes: [{ to: a }] }'),
    );
    expect(settingsOf(JSON.stringify(rounded)).limits.headersTimeoutMs).toBe(90_000);
    const ms = fc.integer({ min: 1, max: 10_000_000 });
    fc.assert(
      fc.property(ms, fc.integer({ min: 256, max: 1_048_576 }), (headersTimeoutMs, maxHeaderBytes) => {
        const settings = {
          ...DEFAULT_SETTINGS,
          limits: { ...DEFAULT_SETTINGS.limits, headersTimeoutMs, maxHeaderBytes },
        };
        expect(settingsOf(JSON.stringify(SETTINGS.write(settings)))).toEqual(settings);
      }),
    );
  });
});

describe('what is wrong is told with line, column and what was expected', () => {
  it.each([
    [
      'limits:\n  headersTimeout: 10',
      /^glassway.yaml:2:19: limits.headersTimeout: expected a time such as .*10s.*found 10$/,
    ],
    [
      'limits:\n  headerTimeout: 10s',
      /^glassway.yaml:2:3: limits.headerTimeout: there is no setting "headerTimeout" here; did you mean "headersTimeout"\?$/,
    ],
    ['nonsense: 1', /^glassway.yaml:1:1: nonsense: there is no setting "nonsense" here; there are: to, https/],
    [
      'to: http://a\n---\nto: http://b',
      /^glassway.yaml:2:1: a configuration is one YAML document, and here another begins$/,
    ],
    ['https: 8443x', /^glassway.yaml:1:8: https: "8443x" is not an address; write HOST:PORT/],
    ['logLevel: loud', /^glassway.yaml:1:11: logLevel: expected one of error, warn, info, debug, found "loud"$/],
    [
      'maxConcurrentStreams: 0',
      /^glassway.yaml:1:23: maxConcurrentStreams: expected a whole number from 1 to 65536, found 0$/,
    ],
    ['upgrade: maybe', /expected true or false, found "maybe"$/],
    ['limits: 7', /^glassway.yaml:1:9: limits: expected a map of settings, found 7$/],
    [
      'limits: { maxHeaderBytes: 1TiB }',
      /limits.maxHeaderBytes: expected a size such as .* from 256 to 1MiB, found "1TiB"$/,
    ],
    ['trustedProxy:\n  - 10.0.0.0/8\n  - x', /^glassway.yaml:3:5: trustedProxy\[1\]: "x" is not a network/],
    ['to: localhost:3000', /^glassway.yaml:1:5: to: .*did you mean http:\/\/localhost:3000\?/],
    ['backends: { a: { weight: 1 } }', /backends.a.weight: there is no setting "weight" here.*/],
    ['backends: { a: { balance: hash } }', /backends.a: "targets" is missing: Servers/],
    ['backends: { "a b": http://a }', /expected names of letters, digits, - and _, found "a b"$/],
    [
      'routes: [{ prefix: /a }]',
      /^glassway.yaml:1:10: routes\[0\]: a route has exactly one of "to", "redirect" and "respond"$/,
    ],
    [
      'routes: [{ to: nowhere }]',
      /^glassway.yaml:1:16: routes\[0\].to: there is no pool "nowhere" in backends \(there are: none\)$/,
    ],
    ['routes: [{ to: a, request: { set: { Host: x } } }]', /Host is the gateway's own to set/],
    ['routes: [{ to: a, request: { set: { x-a: "a\\r\\nb: c" } } }]', /expected a field value/],
    ['routes: [{ respond: { status: 204, body: x } }]', /a 204 has no body/],
    ['routes: [{ redirect: { status: 304 } }]', /304 is no redirect/],
    ['routes: [{ path: nope, to: a }]', /routes\[0\].path: expected a path that begins with \/, found "nope"$/],
    ['cert: a.pem', /^glassway.yaml:1:7: --cert needs --key as well$/],
    ['http: 8443', /--https and --http are both 127.0.0.1:8443/],
    ['inspector: 0.0.0.0:1', /^glassway.yaml:1:12: --inspector 0.0.0.0:1: .*this machine only/],
    ['clientCertificates: { mode: require }', /mode require needs "ca"/],
    ['a: [', /^glassway.yaml:1:\d+: /],
    ['http: off\nhttp: off', /^glassway.yaml:2:1: .*unique/],
    ['- a', /^glassway.yaml:1:1: expected a map of settings, found a list$/],
  ])('%j', (content, message) => {
    const lines = wrong(content);
    expect(lines).not.toEqual([]);
    expect(lines[0]).toMatch(message);
  });

  it('all of it at once', () => {
    expect(wrong('logLevel: x\nupgrade: 3\nlimits: { maxPipelined: -1 }')).toHaveLength(3);
  });

  it('aliases that multiply do not fill the memory', () => {
    const doubled = Array.from({ length: 25 }, (_, i) => `x${i + 1}: &x${i + 1} [*x${i}, *x${i}]`);
    expect(wrong(`x0: &x0 [1]\n${doubled.join('\n')}`)[0]).toMatch(/this is too large|too many/i);
  });

  it('a variable is named as such, and a flag covers the file', async () => {
    const world = { env: { GLASSWAY_LIMITS_HEADERS_TIMEOUT: 'soon' }, version: '', print: () => {} };
    await expect(parseCommandLine(['--to', 'http://a'], world)).rejects.toThrow(
      /^GLASSWAY_LIMITS_HEADERS_TIMEOUT: expected a time/,
    );
    const parsed = await parseCommandLine(
      ['--to', 'http://a', '--limits-headers-timeout', '3s', '--no-limits-web-socket', '--limits-strict-authority'],
      world,
    );
    expect(parsed).toMatchObject({
      settings: { limits: { headersTimeoutMs: 3000, webSocket: false, strictAuthority: true } },
    });
  });
});

describe('validate', () => {
  it('prints what the settings come to', () => {
    const printed = describeSettings(
      settingsOf(`
to: http://localhost:3000
http: off
backends: { app: { targets: [http://a:1], balance: hash, hashOn: ip, maxInFlight: 9, health: { path: /up } } }
routes:
  - { host: x.test, prefix: /api/, method: [GET, POST], to: app, priority: 3 }
  - { path: /old, redirect: { path: /new } }
`),
    );
    expect(printed).toContain('[priority 3] GET|POST x.test/api/... -> app');
    expect(printed).toContain('*/old -> redirect 308 (path /new)');
    expect(printed).toContain('everything else -> http://localhost:3000');
    expect(printed).toContain('app: http://a:1; hash of ip, checked at /up, at most 9 in flight');
  });
});

describe('docs/gateway.md', () => {
  it('every example is one that works, and so is glassway.yaml', async () => {
    const docs = new URL('../../../docs/', import.meta.url);
    const page = await readFile(new URL('gateway.md', docs), 'utf8');
    const examples = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map(match => match[1]!);
    expect(examples.length).toBeGreaterThan(5);
    for (const each of [...examples, await readFile(new URL('glassway.yaml', docs), 'utf8')]) settingsOf(each);
    expect(wrong(await readFile(new URL('glassway.yaml', docs), 'utf8'))).toEqual([]);
  });
});

describe('the JSON Schema', () => {
  const published = new URL('../glassway.schema.json', import.meta.url);

  // Written by the build.
  it('is published as the shapes say it', async () => {
    expect(JSON.parse(await readFile(published, 'utf8'))).toEqual(JSON.parse(JSON.stringify(settingsSchema())));
  });

  it('agrees with the reader about what is right and what is not', async () => {
    const schema = JSON.parse(await readFile(published, 'utf8'));
    const cases: unknown[] = [
      {},
      { http: 'off', https: 8443, limits: { headersTimeout: '10s', http2: { idleTimeout: 'off' } } },
      { backends: { a: 'http://a', b: ['http://a', { url: 'http://b', weight: 2 }], c: { targets: ['http://c'] } } },
      { routes: [{ prefix: '/x', method: 'GET', to: 'http://a' }, { redirect: { status: 301, host: 'x.test' } }] },
      SETTINGS.write(DEFAULT_SETTINGS),
      { nonsense: 1 },
      { limits: { headersTimeout: 10 } },
      { limits: { headersTimeout: 'soon' } },
      { limits: { maxPipelined: 1.5 } },
      { limits: { maxPipelined: -1 } },
      { limits: [] },
      { backends: { a: { balance: 'hash' } } },
      { backends: { 'a b': 'http://a' } },
      { routes: [{ to: 'http://a', weight: 1 }] },
      { logLevel: 'loud' },
      { logLevel: '' },
      { upgrade: 'maybe' },
      { routes: [{ path: 'x', to: 'http://a' }] },
      { cert: '' },
    ];
    for (const each of cases)
      expect([each, fits(each, schema)]).toEqual([each, wrong(JSON.stringify(each)).length === 0]);
  });
});

/** JSON Schema, as far as ours goes; a keyword it does not know fails the test. */
function fits(value: unknown, schema: Record<string, unknown>): boolean {
  const isMap = typeof value === 'object' && value !== null && !Array.isArray(value);
  const entries = isMap ? Object.entries(value) : [];
  const inner = (key: string): Record<string, unknown> | undefined =>
    (schema['properties'] as Record<string, Record<string, unknown>> | undefined)?.[key];
  const keywords: Record<string, (argument: never) => boolean> = {
    $schema: () => true,
    title: () => true,
    description: () => true,
    default: () => true,
    type: (types: string | string[]) => [types].flat().some(type => isOfType(value, type)),
    enum: (choices: unknown[]) => choices.includes(value),
    const: (choice: unknown) => choice === value,
    anyOf: (schemas: Record<string, unknown>[]) => schemas.some(each => fits(value, each)),
    pattern: (pattern: string) => typeof value !== 'string' || new RegExp(pattern, 'u').test(value),
    minLength: (least: number) => typeof value !== 'string' || value.length >= least,
    minimum: (least: number) => typeof value !== 'number' || value >= least,
    maximum: (most: number) => typeof value !== 'number' || value <= most,
    items: (each: Record<string, unknown>) => !Array.isArray(value) || value.every(item => fits(item, each)),
    properties: () => entries.every(([key, each]) => inner(key) === undefined || fits(each, inner(key)!)),
    required: (names: string[]) => !isMap || names.every(name => name in value),
    propertyNames: (each: Record<string, unknown>) => entries.every(([key]) => fits(key, each)),
    additionalProperties: (each: Record<string, unknown> | false) =>
      entries.every(([key, extra]) => inner(key) !== undefined || (each !== false && fits(extra, each))),
  };
  return Object.entries(schema).every(([keyword, argument]) => keywords[keyword]!(argument as never));
}

function isOfType(value: unknown, type: string): boolean {
  if (type === 'integer') return Number.isInteger(value);
  if (type === 'array') return Array.isArray(value);
  if (type === 'object') return typeof value === 'object' && value !== null && !Array.isArray(value);
  return typeof value === type;
}
