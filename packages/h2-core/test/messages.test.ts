import { describe, expect, test } from 'vitest';
import { UsageError } from '../src/index.ts';
import { client, get, server } from './support/endpoint.ts';
import { data, F, type Fields, GET, headers, POST } from './support/frames.ts';

const HEAD_ONLY = F.END_HEADERS;
const [METHOD, SCHEME, AUTHORITY, PATH] = GET as [Fields[0], Fields[0], Fields[0], Fields[0]];

describe('RFC 9113 8.2, 8.3 malformed requests are stream errors PROTOCOL_ERROR', () => {
  const cases: readonly (readonly [string, Fields, string])[] = [
    // HDR-01, HDR-02, HDR-03
    ['upper case in a name', [...GET, ['X-A', '1']], 'field.name'],
    ['an empty name', [...GET, ['', '1']], 'field.name'],
    ...[' ', ':', '\0', '\r', '\n', '\x7f', '\x80', '(', '"'].map(
      c => [`${JSON.stringify(c)} in a name`, [...GET, [`a${c}b`, '1']], 'field.name'] as const,
    ),
    // HDR-04
    ...['\r', '\n', '\0', '\x7f', '\x01'].map(
      c => [`${JSON.stringify(c)} in a value`, [...GET, ['a', `x${c}y`]], 'field.value'] as const,
    ),
    ...[' x', 'x ', '\tx', 'x\t', ' '].map(
      v => [`white space at an end of ${JSON.stringify(v)}`, [...GET, ['a', v]], 'field.value'] as const,
    ),
    // HDR-05, HDR-06
    ...['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade', 'http2-settings'].map(
      n => [n, [...GET, [n, 'x']], 'field.connection-specific'] as const,
    ),
    ['te: gzip', [...GET, ['te', 'gzip']], 'field.te'],
    ['te: trailers, gzip', [...GET, ['te', 'trailers, gzip']], 'field.te'],
    // HDR-07, HDR-17
    ['a pseudo-field after a regular one', [METHOD, SCHEME, ['a', 'b'], AUTHORITY, PATH], 'pseudo.late'],
    ['a pseudo-field twice', [...GET, [':path', '/']], 'pseudo.duplicate'],
    ['an unknown pseudo-field', [...GET, [':foo', 'x']], 'pseudo.unknown'],
    [':status', [...GET, [':status', '200']], 'pseudo.unknown'],
    // HDR-08, HDR-09, HDR-10, HDR-11
    ['no :method', [SCHEME, AUTHORITY, PATH], 'pseudo.missing'],
    ['no :scheme', [METHOD, AUTHORITY, PATH], 'pseudo.missing'],
    ['no :path', [METHOD, SCHEME, AUTHORITY], 'pseudo.missing'],
    ['an empty :path', [METHOD, SCHEME, AUTHORITY, [':path', '']], 'pseudo.value'],
    ['a :path without slash', [METHOD, SCHEME, AUTHORITY, [':path', 'x']], 'pseudo.value'],
    ...[' ', '\t', '\r', '#', '\x80'].map(
      c =>
        [`${JSON.stringify(c)} in :path`, [METHOD, SCHEME, AUTHORITY, [':path', `/a${c}b`]], 'pseudo.value'] as const,
    ),
    ['* without OPTIONS', [METHOD, SCHEME, AUTHORITY, [':path', '*']], 'pseudo.value'],
    ['a bad :scheme', [METHOD, [':scheme', 'ht tp'], AUTHORITY, PATH], 'pseudo.value'],
    ['a bad :method', [[':method', 'G ET'], SCHEME, AUTHORITY, PATH], 'pseudo.value'],
    // HDR-12, HDR-13
    ...['u@h', 'a b', 'a/b', 'a?b', 'a#b', 'a,b', 'h:', 'h:x', 'h:99999', ':80', '[::1', 'x[::1]', '[::1]x'].flatMap(
      v =>
        v === 'h:' ? [] : [[`:authority ${v}`, [METHOD, SCHEME, [':authority', v], PATH], 'pseudo.value'] as const],
    ),
    ['Host that differs', [...GET, ['host', 'other.example']], 'host.mismatch'],
    ['two Host', [...GET, ['host', 'example.com'], ['host', 'example.com']], 'host.mismatch'],
    // HDR-14, HDR-15, HDR-16
    ['CONNECT with :path', [[':method', 'CONNECT'], AUTHORITY, PATH], 'connect.fields'],
    ['CONNECT with :scheme', [[':method', 'CONNECT'], SCHEME, AUTHORITY], 'connect.fields'],
    ['CONNECT without :authority', [[':method', 'CONNECT']], 'connect.fields'],
    [':protocol without CONNECT', [...GET, [':protocol', 'websocket']], 'connect.protocol'],
    [
      ':protocol not offered',
      [[':method', 'CONNECT'], SCHEME, AUTHORITY, PATH, [':protocol', 'websocket']],
      'connect.protocol',
    ],
    // LEN-01
    ...['', '+1', '-0', '0x1', '1,1', '1 ', '99999999999999999'].map(
      v =>
        [
          `content-length ${JSON.stringify(v)}`,
          [...POST, ['content-length', v]],
          v === '1 ' ? 'field.value' : 'content-length.value',
        ] as const,
    ),
    ['content-length twice', [...POST, ['content-length', '1'], ['content-length', '1']], 'content-length.value'],
  ];

  test.each(cases)('%s', (_, fields, rule) => {
    const violations: string[] = [];
    const t = server();
    (t.connection as unknown as { core: { tap: unknown } }).core.tap = new Proxy(
      {},
      {
        get:
          (_target, name) =>
          (...args: unknown[]) =>
            name === 'onViolation' && violations.push(String(args[0])),
      },
    );
    t.receive(headers(1, fields, HEAD_ONLY));
    expect(t.sent()).toEqual(['RST_STREAM 1 1']);
    expect(violations).toEqual([rule]);
    expect(t.heard()).toEqual([]);
    t.receive(headers(3, GET));
    expect(t.heard()).toEqual(['request 3 GET / end']);
  });

  test.each([
    ['Host that agrees but for case', [...GET, ['host', 'EXAMPLE.com']]],
    ['Host instead of :authority', [METHOD, SCHEME, PATH, ['host', 'example.com']]],
    ['te: trailers', [...GET, ['te', 'trailers']]],
    ['OPTIONS *', [[':method', 'OPTIONS'], SCHEME, AUTHORITY, [':path', '*']]],
    ['an empty value, HTAB and obs-text inside one', [...GET, ['a', ''], ['b', 'x\ty'], ['c', 'x\xffy']]],
    ['CONNECT', [[':method', 'CONNECT'], AUTHORITY]],
    ['an IPv6 authority with port', [METHOD, SCHEME, [':authority', '[::1]:8443'], PATH]],
  ] as [string, Fields][])('%s is fine', (_, fields) => {
    const t = server();
    t.receive(headers(1, fields));
    expect(t.sent()).toEqual([]);
    expect(t.heads).toHaveLength(1);
  });

  test('extended CONNECT when it was offered', () => {
    // HDR-15, INF-13
    const t = server({ enableConnectProtocol: true });
    t.receive(headers(1, [[':method', 'CONNECT'], [':protocol', 'websocket'], SCHEME, PATH, AUTHORITY], HEAD_ONLY));
    expect(t.heads[0]?.protocol).toBe('websocket');
  });

  test('fields keep order and duplicates; never-indexed ones are marked', () => {
    // HPD-13
    const t = server();
    t.receive(headers(1, [...GET, ['y', 'a=1'], ['x', '1'], ['y', 'b=2']]));
    expect(t.heads[0]?.fields).toEqual(['y', 'a=1', 'x', '1', 'y', 'b=2']);
    expect(t.heads[0]?.sensitive).toBeNull();
  });
});

describe('RFC 9113 8.1.1 content-length', () => {
  const post = (length: string): Uint8Array => headers(1, [...POST, ['content-length', length]], HEAD_ONLY);

  test.each([
    ['too much, at the first excess octet', [post('2'), data(1, 'abc')]],
    ['0 with DATA', [post('0'), data(1, 'a')]],
    ['too little, END_STREAM on DATA', [post('4'), data(1, 'abc', F.END_STREAM)]],
    ['too little, empty END_STREAM', [post('4'), data(1, 'abc'), data(1, '', F.END_STREAM)]],
    ['too little, END_STREAM on trailers', [post('4'), data(1, 'abc'), headers(1, [['x', 'y']])]],
    ['END_STREAM on HEADERS', [headers(1, [...POST, ['content-length', '4']])]],
  ])('%s', (_, input) => {
    // LEN-01, LEN-02
    const t = server();
    t.receive(...input);
    expect(t.sent()).toEqual(['RST_STREAM 1 1']);
  });

  test('exact, over several frames', () => {
    const t = server();
    t.receive(post('5'), data(1, 'abc'), data(1, 'de'), data(1, '', F.END_STREAM));
    expect(t.heard()).toEqual(['request 1 POST /', 'data 1 3', 'data 1 2', 'data 1 0 end']);
  });

  test('responses to HEAD, 204 and 304 have no body whatever it says', () => {
    // LEN-02, LEN-03
    for (const [method, status] of [
      ['HEAD', '200'],
      ['GET', '304'],
    ] as const) {
      const t = client();
      t.connection.request({ ...get(), method }, true);
      t.receive(
        headers(1, [
          [':status', status],
          ['content-length', '5'],
        ]),
      );
      expect(t.heard()).toEqual([`response 1 ${status} end`, 'closed 1']);
    }
    const t = client();
    t.connection.request({ ...get(), method: 'HEAD' }, true);
    t.receive(headers(1, [[':status', '200']], HEAD_ONLY), data(1, 'x'));
    expect(t.heard()).toEqual(['response 1 200', 'reset 1 PROTOCOL_ERROR library data.head', 'closed 1']);
  });
});

describe('RFC 9113 8.1 responses and trailers', () => {
  test('informational responses, the final one, data and trailers', () => {
    // INF-01, INF-05, INF-09
    const t = client();
    t.connection.request(get(), true);
    t.receive(
      headers(
        1,
        [
          [':status', '103'],
          ['link', '</a>'],
        ],
        HEAD_ONLY,
      ),
      headers(1, [[':status', '199']], HEAD_ONLY),
      headers(1, [[':status', '200']], HEAD_ONLY),
      data(1, 'body'),
      headers(1, [['grpc-status', '0']]),
    );
    expect(t.heard()).toEqual([
      'informational 1 103',
      'informational 1 199',
      'response 1 200',
      'data 1 4',
      'trailers 1 grpc-status=0',
      'closed 1',
    ]);
  });

  test.each([
    ['101', [headers(1, [[':status', '101']], HEAD_ONLY)], 'status.switching'],
    ['1xx with END_STREAM', [headers(1, [[':status', '100']])], 'status.informational-end'],
    ['no :status', [headers(1, [['a', 'b']], HEAD_ONLY)], 'pseudo.missing'],
    ['a bad :status', [headers(1, [[':status', '2x0']], HEAD_ONLY)], 'pseudo.value'],
    [
      'a request pseudo-field',
      [
        headers(
          1,
          [
            [':status', '200'],
            [':path', '/'],
          ],
          HEAD_ONLY,
        ),
      ],
      'pseudo.unknown',
    ],
    ['DATA before the head', [data(1, 'x')], 'data.before-headers'],
    [
      'trailers without END_STREAM',
      [headers(1, [[':status', '200']], HEAD_ONLY), headers(1, [['a', 'b']], HEAD_ONLY)],
      'trailers.end-stream',
    ],
    [
      'a pseudo-field in trailers',
      [headers(1, [[':status', '200']], HEAD_ONLY), headers(1, [[':status', '200']])],
      'pseudo.trailers',
    ],
  ])('%s is a stream error', (_, input, rule) => {
    // INF-02, INF-03, INF-04, HDR-24
    const t = client();
    t.connection.request(get(), true);
    t.receive(...input);
    expect(t.heard()).toContain(`reset 1 PROTOCOL_ERROR library ${rule}`);
    expect(t.sent().at(-1)).toBe('RST_STREAM 1 1');
  });

  test('a server sends 103, the head, the body and trailers', () => {
    // INF-01, INF-09
    const t = server();
    t.receive(headers(1, GET));
    const stream = t.stream(1);
    t.connection.inform(stream, 103, ['link', '</a>']);
    t.connection.respond(stream, 200, ['a', 'b'], false);
    t.connection.write(stream, new Uint8Array(3), false);
    t.connection.trailers(stream, ['x-end', '1']);
    expect(t.sent()).toEqual(['HEADERS 1', 'HEADERS 1', 'DATA 1 3', 'HEADERS 1 END_STREAM']);
    expect(t.connection.openStreams).toBe(0);
  });
});

describe('RFC 9113 10.5.1 header limits', () => {
  test('list size: at the limit, one above; the connection goes on', () => {
    // LIM-16
    const base = GET.reduce((sum, [n, v]) => sum + n.length + v.length + 32, 0);
    const t = server({ maxHeaderListSize: base + 133 });
    t.receive(headers(1, [...GET, ['a', 'v'.repeat(100)]]));
    expect(t.heard()).toEqual(['request 1 GET / end']);
    t.receive(headers(3, [...GET, ['a', 'v'.repeat(101)]]), headers(5, GET));
    expect(t.sent()).toEqual(['RST_STREAM 3 11']);
    expect(t.heard()).toEqual(['request 5 GET / end']);
  });

  test('field count, cookie crumbs included: at the limit, above it', () => {
    // LIM-17
    const crumbs = (n: number): Fields => [...GET, ...Array.from({ length: n }, () => ['cookie', 'a'] as const)];
    const t = server({ maxHeaderFields: 10 });
    t.receive(headers(1, crumbs(6)), headers(3, crumbs(7)));
    expect(t.heard()).toEqual(['request 1 GET / end']);
    expect(t.sent()).toEqual(['RST_STREAM 3 11']);
  });
});

describe('misuse throws a UsageError and changes nothing', () => {
  // API-01, API-02
  test.each([
    ['status 99', (t, s) => t.respond(s, 99, [], true)],
    ['status 1000', (t, s) => t.respond(s, 1000, [], true)],
    ['a 1xx as final', (t, s) => t.respond(s, 103, [], true)],
    ['101', (t, s) => t.inform(s, 101, [])],
    ['an odd field list', (t, s) => t.respond(s, 200, ['a'], true)],
    ['an upper-case name', (t, s) => t.respond(s, 200, ['A', 'b'], true)],
    ['CR in a value', (t, s) => t.respond(s, 200, ['a', 'b\rc'], true)],
    ['a connection-specific field', (t, s) => t.respond(s, 200, ['connection', 'close'], true)],
    ['a pseudo-field', (t, s) => t.respond(s, 200, [':path', '/'], true)],
    ['data before the head', (t, s) => t.write(s, new Uint8Array(1), false)],
    ['a PING of 7 octets', t => t.ping(new Uint8Array(7))],
    ['a request from a server', t => t.request(get(), true)],
    ['a negative release', (t, s) => t.release(s, -1)],
    ['a window above 2^31-1', t => t.setTargetWindowSize(2 ** 31)],
  ] as [
    string,
    (t: ReturnType<typeof server>['connection'], s: ReturnType<ReturnType<typeof server>['stream']>) => void,
  ][])('%s', (_, act) => {
    const t = server();
    t.receive(headers(1, GET));
    expect(() => act(t.connection, t.stream(1))).toThrow(UsageError);
    expect(t.sent()).toEqual([]);
    t.connection.respond(t.stream(1), 200, [], true);
    expect(t.sent()).toEqual(['HEADERS 1 END_STREAM']);
  });

  test('a second response, a write after the end', () => {
    const t = server();
    t.receive(headers(1, POST, F.END_HEADERS));
    const stream = t.stream(1);
    t.connection.respond(stream, 200, [], false);
    expect(() => t.connection.respond(stream, 200, [], false)).toThrow(/response head already/);
    t.connection.write(stream, new Uint8Array(1), true);
    expect(() => t.connection.write(stream, new Uint8Array(1), false)).toThrow(/has ended/);
    expect(() => t.connection.trailers(stream, [])).toThrow(/has ended/);
  });

  test.each([
    ['initialWindowSize', 2 ** 31],
    ['maxFrameSize', 16_383],
    ['maxConcurrentStreams', -1],
    ['maxSendBufferSize', Number.NaN],
  ])('option %s = %s is refused with its range', (name, value) => {
    expect(() => server({ [name]: value })).toThrow(
      new RegExp(`option ${name} is ${value}; it must be an integer from`),
    );
  });

  test('receive inside a handler call', () => {
    const t = server();
    t.on.onRequest = () => t.connection.receive(new Uint8Array(1), 0);
    expect(() => t.receive(headers(1, GET))).toThrow(/inside a handler/);
    expect(t.connection.isClosed).toBe(true);
  });
});
