/** What a program gives that is no head, field, code or stream: refused by name, before anything has changed. */
import { describe, expect, test } from 'vitest';
import { Connection, type FieldList, type RequestHead, UsageError } from '../src/index.ts';
import { client, type Endpoint, get, server } from './support/endpoint.ts';
import {
  concat,
  GET,
  headers,
  line,
  parse,
  preface,
  S,
  settings,
  settingsAck,
  windowUpdate,
} from './support/frames.ts';

/** A server with one request, which answers in order after each refusal. */
function asked(): Endpoint {
  const t = server();
  t.receive(headers(1, GET));
  t.sent();
  return t;
}

function refused(rule: string, call: () => unknown): void {
  try {
    call();
  } catch (error) {
    expect(error).toBeInstanceOf(UsageError);
    expect((error as UsageError).rule).toBe(rule);
    return;
  }
  throw new Error('it was not refused');
}

describe('API-02 what is no string is refused where fields are given, and the connection goes on', () => {
  test.each([[['x-foo', undefined]], [['x-foo', null]], [['content-length', 5]], [[5, 'x']], [['x-foo', ['a', 'b']]]])(
    '%j',
    wrong => {
      const fields = wrong as unknown as FieldList;
      const t = asked();
      refused('api.fields', () => t.connection.respond(t.stream(1), 200, fields, false));
      refused('api.fields', () => t.connection.inform(t.stream(1), 103, fields));
      t.connection.respond(t.stream(1), 200, ['x-foo', 'good'], false);
      refused('api.fields', () => t.connection.trailers(t.stream(1), fields));
      t.connection.trailers(t.stream(1), []);
      expect(t.sent()).toEqual([expect.stringContaining('HEADERS 1'), expect.stringContaining('HEADERS 1')]);
      const c = client();
      refused('api.fields', () => c.connection.request({ ...get(), fields }, true));
      expect(c.sent()).toEqual([]);
    },
  );

  test.each(['method', 'scheme', 'path', 'authority', 'protocol'])('%s of a request', name => {
    const c = client();
    refused('api.head', () => c.connection.request({ ...get(), [name]: 5 } as unknown as RequestHead, true));
    expect(c.sent()).toEqual([]);
  });
});

test.each([Number.NaN, -1, 2 ** 32, 0.5, 'CANCEL', undefined])('an error code has 32 bits, unlike %s', wrong => {
  const code = wrong as number;
  const t = asked();
  refused('api.code', () => t.connection.reset(t.stream(1), code));
  refused('api.code', () => t.connection.destroy(code));
  expect(t.sent()).toEqual([]);
  t.connection.reset(t.stream(1), 0xffff_ffff);
  expect(t.sent()).toEqual([`RST_STREAM 1 ${0xffff_ffff}`]);
});

test.each([-1, 2 ** 31, 1.5, Number.NaN])('an unknown frame is for a stream that can be, unlike %s', streamId => {
  const t = asked();
  refused('api.stream-id', () => t.connection.sendUnknownFrame(0xf0, 0, streamId, new Uint8Array(1)));
  expect(t.sent()).toEqual([]);
});

describe('RFC 9113 8.5: a tunnel has no trailers', () => {
  const CONNECT = [
    [':method', 'CONNECT'],
    [':authority', 'a:1'],
  ] as const;

  test('from a server that agreed; one that refuses has a response like any other', () => {
    const t = server();
    t.receive(headers(1, CONNECT, 4), headers(3, CONNECT, 4));
    t.connection.respond(t.stream(1), 200, [], false);
    refused('api.trailers', () => t.connection.trailers(t.stream(1), ['a', 'b']));
    t.connection.respond(t.stream(3), 403, [], false);
    t.connection.trailers(t.stream(3), ['a', 'b']);
    expect(t.sent().at(-1)).toMatch(/^HEADERS 3 .*END_STREAM/);
  });

  test('from a client', () => {
    const c = client();
    const head = { ...get(), method: 'CONNECT', scheme: '', path: '' };
    const stream = c.connection.request(head, false);
    refused('api.trailers', () => c.connection.trailers(stream, ['a', 'b']));
  });
});

describe('lists stay the program’s own: changing them later changes nothing', () => {
  test('trailers that wait for a window', () => {
    const t = server({}, S.INITIAL_WINDOW_SIZE, 0);
    t.receive(headers(1, GET));
    t.connection.respond(t.stream(1), 200, [], false);
    t.connection.write(t.stream(1), new Uint8Array(5), false);
    const list = ['x-sum', 'a'];
    const marks = [0];
    t.connection.trailers(t.stream(1), list, marks);
    list[1] = 'b\r\nc';
    marks[0] = 1;
    t.sent();
    t.receive(windowUpdate(1, 5));
    const [, last] = t.frames();
    expect(Buffer.from(last?.payload ?? []).toString('latin1')).not.toContain('\r');
    // RFC 7541 6.2.3: never indexed.
    expect((last?.payload[0] ?? 0) & 0xf0).toBe(0x10);
  });

  test('SETTINGS that wait for their acknowledgement', () => {
    const t = server();
    const pairs = [S.INITIAL_WINDOW_SIZE, 200_000];
    t.connection.updateSettings(pairs);
    pairs[1] = 10;
    t.receive(settingsAck);
    expect(t.connection.localSettings.initialWindowSize).toBe(200_000);
  });

  test('a request that waits for its turn', () => {
    const heads: string[] = [];
    const c = new Connection({ role: 'client', handler: {} });
    const s = new Connection({
      role: 'server',
      maxConcurrentStreams: 0,
      handler: { onRequest: (_, { path, fields }) => void heads.push(path, ...fields) },
    });
    const pass = (): void => {
      while (c.wantsWrite || s.wantsWrite) {
        for (const part of c.takeOutput()) s.receive(part, 0);
        for (const part of s.takeOutput()) c.receive(part, 0);
      }
    };
    pass();
    const fields = ['x-a', 'good'];
    const head = { ...get(), fields };
    c.request(head, true);
    fields[1] = 'b\r\nc';
    head.path = 'x y';
    pass();
    expect(heads).toEqual([]);
    s.updateSettings([S.MAX_CONCURRENT_STREAMS, 1]);
    pass();
    expect(heads).toEqual(['/', 'x-a', 'good']);
  });
});

test('RFC 9110 8.6: 204 and 1xx have no content-length, 304 may', () => {
  const t = asked();
  refused('api.content-length', () => t.connection.inform(t.stream(1), 103, ['content-length', '0']));
  refused('api.content-length', () => t.connection.respond(t.stream(1), 204, ['content-length', '0'], true));
  expect(t.sent()).toEqual([]);
  t.connection.respond(t.stream(1), 304, ['content-length', '10'], true);
  expect(t.sent()).toHaveLength(1);
});

describe('RFC 9113 8.3.1: the authority of http and https is there and not empty', () => {
  const lines = (...more: (readonly [string, string])[]) =>
    [[':method', 'GET'], [':path', '/'], ...more] as (readonly [string, string])[];

  test.each([
    ['no :authority and no Host', lines([':scheme', 'https']), 'pseudo.missing'],
    ['an empty Host alone', lines([':scheme', 'http'], ['host', '']), 'pseudo.missing'],
    ['an empty :authority', lines([':scheme', 'http'], [':authority', '']), 'pseudo.value'],
    [
      'an empty :authority beside a Host',
      lines([':scheme', 'http'], [':authority', ''], ['host', 'a']),
      'pseudo.value',
    ],
  ])('a server refuses %s', (_, fields, rule) => {
    const refusals: string[] = [];
    const s = new Connection({ role: 'server', handler: { onRejected: (_, error) => void refusals.push(error.rule) } });
    s.receive(concat(preface, settings(), settingsAck, headers(1, fields)), 0);
    expect(refusals).toEqual([rule]);
    expect(parse(concat(...s.takeOutput())).map(line)).toContain('RST_STREAM 1 1');
    expect(s.isClosed).toBe(false);
  });

  test('a Host alone will do, and other schemes need none', () => {
    const t = server();
    t.receive(headers(1, lines([':scheme', 'http'], ['host', 'a'])), headers(3, lines([':scheme', 'urn'])));
    expect(t.heads.map(({ authority }) => authority)).toEqual(['a', '']);
  });

  test('a client does not send such a request', () => {
    const c = client();
    refused('api.authority', () => c.connection.request({ ...get(), authority: '' }, true));
    refused('api.authority', () => c.connection.request({ ...get(), authority: '', fields: ['host', ''] }, true));
    c.connection.request({ ...get(), authority: '', fields: ['host', 'a'] }, true);
    expect(c.sent()).toHaveLength(1);
  });
});
