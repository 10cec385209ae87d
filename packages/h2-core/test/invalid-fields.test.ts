// RFC 9113 8.2: field lines that are not allowed: who decides, what is said of them, and what is never said.
import { describe, expect, test } from 'vitest';
import type { FieldRule, FieldVerdict, Tap } from '../src/index.ts';
import { handshake, normaliseHeaders, pair } from '../src/session/server.ts';
import { Endpoint } from './support/endpoint.ts';
import { concat, type Fields, GET, headers, preface, settings, settingsAck } from './support/frames.ts';
import { inMemory, next } from './support/session.ts';

const lines: readonly [FieldRule, string, string][] = [
  ['field.name', 'X-Upper', 'v'],
  ['field.value', 'x-value', 'a\u0000b'],
  ['field.connection-specific', 'connection', 'close'],
  ['field.te', 'te', 'gzip'],
];

/** A server whose program answers `verdict`, after a request with one bad line and then a good one. */
function asked(verdict: FieldVerdict, line: readonly [string, string]) {
  const heard: string[] = [];
  const t = new Endpoint({ role: 'server' });
  t.receive(preface, settings(), settingsAck);
  const { core } = t.connection as unknown as { core: { handler: object } };
  Object.assign(core.handler, {
    onInvalidField: (name: string, value: string, rule: FieldRule): FieldVerdict => {
      heard.push(`${rule} ${name}=${value}`);
      return verdict;
    },
  });
  t.receive(headers(1, [...GET, ['x-before', '1'], line, ['x-after', '2']] as Fields), headers(3, GET));
  return { t, heard };
}

describe('the program is asked about a line', () => {
  // HDR-23
  test.each(lines)('%s', (rule, name, value) => {
    const ignored = asked('ignore', [name, value]);
    expect(ignored.heard).toEqual([`${rule} ${name}=${value}`]);
    expect(ignored.t.heads[0]?.fields).toEqual(['x-before', '1', 'x-after', '2']);
    expect(asked('accept', [name, value]).t.heads[0]?.fields).toEqual(['x-before', '1', name, value, 'x-after', '2']);
    const rejected = asked('reject', [name, value]);
    expect(rejected.t.heads).toHaveLength(1);
    expect(rejected.t.sent()).toContain('RST_STREAM 1 1');
    // The connection and its table go on.
    for (const { t } of [ignored, rejected]) expect(t.heads.at(-1)?.path).toBe('/');
  });

  test('not about pseudo-fields, nor where nothing is wrong', () => {
    const { heard, t } = asked('accept', [':path', '/again']);
    expect(heard).toEqual([]);
    expect(t.sent()).toContain('RST_STREAM 1 1');
    expect(asked('accept', ['x-fine', '1']).heard).toEqual([]);
  });

  test('an answer that fails ends the connection as any defect of a handler, with the block decoded', () => {
    const t = new Endpoint({ role: 'server' });
    t.receive(preface, settings(), settingsAck);
    const { core } = t.connection as unknown as { core: { handler: object } };
    Object.assign(core.handler, {
      onInvalidField: () => {
        throw new Error('a defect');
      },
    });
    expect(() => t.receive(headers(1, [...GET, ['X', '1']]))).toThrow('a defect');
    expect(t.sent().at(-1)).toBe('GOAWAY 0 2 handler failed');
  });

  test('sessions: an option of either role', async () => {
    const seen: string[] = [];
    const [near, far] = pair();
    far.start({ received: () => {}, drained: () => {}, closed: () => {} });
    const connection = await Promise.all([
      handshake(near, {
        onInvalidField: (name, _value, rule) => {
          seen.push(`${name} ${rule}`);
          return 'ignore';
        },
      }),
      far.write([preface, settings(), settingsAck, headers(1, [...GET, ['X-Upper', '1']])]),
    ]).then(([made]) => made);
    expect((await next(connection)).request.headers.size).toBe(0);
    expect(seen).toEqual(['X-Upper field.name']);
    connection.destroy();
  });
});

describe('TRC-05 what is said of a bad line', () => {
  const messages: string[] = [];
  const tap = new Proxy(
    {},
    {
      get: (_, name) =>
        name === 'onViolation' ? (...told: unknown[]) => void messages.push(String(told[4])) : () => undefined,
    },
  ) as unknown as Tap;

  test.each([
    ['x-secret', 'va\u0000lue-of-it', 'x-secret'],
    ['X\r\ninjected: 1', 'value-of-it', 'X\\x0d\\x0ainjected:\\x201'],
    ['', 'value-of-it', '(empty name)'],
    ['Q'.repeat(500), 'value-of-it', `${'Q'.repeat(64)}...`],
    ['connection', 'value-of-it', 'connection'],
  ])('its name, fit for a log, and never its value: %j', (name, value, said) => {
    messages.length = 0;
    const t = new Endpoint({ role: 'server', tap });
    t.receive(concat(preface, settings(), settingsAck, headers(1, [...GET, [name, value]])));
    expect(messages).toHaveLength(1);
    expect(messages[0]).toContain(`(${said})`);
    expect(messages[0]).not.toContain('value-of-it');
    expect(t.sent().join()).not.toContain('value-of-it');
  });
});

describe('HDR-20 fields made for HTTP/1.1', () => {
  const given = [
    ['Connection', 'close, X-Hop'],
    ['X-Hop', '1'],
    ['Keep-Alive', 'timeout=5'],
    ['Proxy-Connection', 'close'],
    ['Transfer-Encoding', 'chunked'],
    ['Upgrade', 'h2c'],
    ['HTTP2-Settings', 'AAQAAAAF'],
    ['TE', 'Trailers'],
    ['te', 'gzip'],
    ['X-Kept', '  twice \t'],
    { name: 'X-Kept', value: 'again', sensitive: true },
  ] as const;

  test('are normalised: what belongs to the connection goes, the rest stays in order with its marks', () => {
    expect([...normaliseHeaders(given).lines()]).toEqual([
      { name: 'te', value: 'trailers', sensitive: false },
      { name: 'x-kept', value: 'twice', sensitive: false },
      { name: 'x-kept', value: 'again', sensitive: true },
    ]);
    expect(normaliseHeaders({}).size).toBe(0);
  });

  test('are refused as they are, and sent when normalised', async () => {
    const { server: near, client } = await inMemory();
    expect(() => client.request({ headers: given })).toThrow(/field "connection" is connection-specific/);
    const { response } = client.request({ headers: normaliseHeaders(given) });
    const { request, respond } = await next(near);
    expect([...request.headers].map(([name]) => name)).toEqual(['te', 'x-kept', 'x-kept']);
    respond.send({ headers: normaliseHeaders({ Connection: 'close' }) }, { endStream: true });
    expect((await response).headers.size).toBe(0);
  });
});
