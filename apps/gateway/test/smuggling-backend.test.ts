/**
 * Never a smuggler, all the way: a raw HTTP/2 client in front of the whole gateway, a raw HTTP/1.1 backend behind it.
 * What the backend reads is looked at octet by octet.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DEFAULT_SETTINGS } from '../src/config/settings.ts';
import { type Gateway, startGateway } from '../src/gateway.ts';
import {
  data,
  END_HEADERS,
  END_STREAM,
  type Fields,
  get,
  headers,
  NO_ERROR,
  PROTOCOL_ERROR,
  post,
} from './support/h2-frames.ts';
import { RawBackend } from './support/raw-backend.ts';
import { type RawClient, type RawH2Client, rawClient, rawH2Client } from './support/raw-client.ts';

let backend: RawBackend;
let gateway: Gateway;
let client: RawH2Client;

beforeEach(async () => {
  backend = await RawBackend.start();
  gateway = await startGateway({
    ...DEFAULT_SETTINGS,
    to: [backend.url],
    http: { host: '127.0.0.1', port: 0 },
    https: null,
    inspector: null,
    logLevel: 'error',
  });
  client = await rawH2Client(gateway.http!.port);
});

afterEach(async () => {
  client.close();
  await gateway.close(0);
  await backend.stop();
});

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const withLength = (length: string): Fields => [...post('a'), ['content-length', length]];

/** A request as the backend read it: the lines of the head, and what follows. */
function parsed(received: string): { lines: string[]; body: string } {
  const end = received.indexOf('\r\n\r\n');
  return { lines: received.slice(0, end).split('\r\n'), body: received.slice(end + 4) };
}

function field(lines: readonly string[], name: string): string[] {
  const prefix = `${name}: `;
  return lines.filter(line => line.toLowerCase().startsWith(prefix)).map(line => line.slice(prefix.length));
}

/** Sends a request on stream 1 and answers it; what the backend read. */
async function seen(octets: Uint8Array, until = '\r\n\r\n'): Promise<ReturnType<typeof parsed>> {
  client.send(octets);
  const connection = await backend.connection(1);
  const text = await connection.untilText(until);
  connection.send(OK);
  await client.untilResponse(1);
  expect(client.response(1).body.toString()).toBe('ok');
  return parsed(text);
}

/** The connection that carried the bad request is gone; the next request comes on another one. */
async function discarded(connection: RawClient): Promise<void> {
  await connection.untilEnd();
  client.send(headers(3, get('a', '/next')));
  const next = await backend.connection(2);
  expect(parsed(await next.untilText('\r\n\r\n')).lines[0]).toBe('GET /next HTTP/1.1');
  next.send(OK);
  await client.untilResponse(3);
  expect(client.status(3)).toBe('200');
}

it('D1 content-length 0 with DATA: nothing of it reaches the backend, its connection is discarded', async () => {
  client.send(headers(1, withLength('0'), END_HEADERS));
  const connection = await backend.connection(1);
  await connection.untilText('\r\n\r\n');
  client.send(data(1, 'GET /smuggled HTTP/1.1\r\n\r\n'));
  expect(await client.untilReset(1)).toBe(PROTOCOL_ERROR);
  await discarded(connection);
  expect(connection.text).not.toContain('smuggled');
});

it('D2 content-length above the DATA sum: the backend socket is aborted, no second request fills the gap', async () => {
  client.send(headers(1, withLength('100'), END_HEADERS)).send(data(1, 'half'));
  const connection = await backend.connection(1);
  await connection.untilText('half');
  client.send(data(1, 'x', END_STREAM));
  expect(await client.untilReset(1)).toBe(PROTOCOL_ERROR);
  await discarded(connection);
  expect(parsed(connection.text).body).toBe('half');
});

it('D4 partial DATA, END_STREAM on trailers: the backend socket is aborted', async () => {
  client.send(headers(1, withLength('100'), END_HEADERS)).send(data(1, 'half'));
  const connection = await backend.connection(1);
  await connection.untilText('half');
  client.send(headers(1, [['x-t', '1']]));
  expect(await client.untilReset(1)).toBe(PROTOCOL_ERROR);
  await discarded(connection);
  expect(connection.text).not.toContain('x-t');
});

it('a chunked upload that is reset never gets its last chunk', async () => {
  client.send(headers(1, post('a'), END_HEADERS)).send(data(1, 'half'));
  const connection = await backend.connection(1);
  await connection.untilText('half');
  client.send(headers(1, [[':path', '/']]));
  expect(await client.untilReset(1)).toBe(PROTOCOL_ERROR);
  await discarded(connection);
  expect(parsed(connection.text).body).toBe('4\r\nhalf\r\n');
});

it('D16 exactly one Host is emitted, the authority', async () => {
  const { lines } = await seen(headers(1, [...get('a.example:81'), ['host', 'A.example:81']]));
  expect(field(lines, 'host')).toEqual(['a.example:81']);
});

it('D20 framing, routing and authentication fields do not pass in trailers', async () => {
  const trailers: Fields = [
    ['x-ok', '1'],
    ['content-length', '5'],
    ['host', 'b'],
    ['authorization', 'x'],
    ['cookie', 'a=1'],
  ];
  const octets = Buffer.concat([headers(1, post('a'), END_HEADERS), data(1, 'abc'), headers(1, trailers)]);
  const { body } = await seen(octets, '0\r\nx-ok: 1\r\n\r\n');
  expect(body).toBe('3\r\nabc\r\n0\r\nx-ok: 1\r\n\r\n');
});

it('D21 expect: 100-continue with an early final response: the backend connection is not left half sent', async () => {
  client.send(headers(1, [...withLength('5'), ['expect', '100-continue']], END_HEADERS));
  const connection = await backend.connection(1);
  await connection.untilText('\r\n\r\n');
  connection.send('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno');
  expect(await client.untilReset(1)).toBe(NO_ERROR);
  expect(client.status(1)).toBe('403');
  await discarded(connection);
});

it('D21 expect: 100-continue travels there, the 100 back, and only then the body', async () => {
  client.send(headers(1, [...withLength('3'), ['expect', '100-continue']], END_HEADERS));
  const connection = await backend.connection(1);
  expect(field(parsed(await connection.untilText('\r\n\r\n')).lines, 'expect')).toEqual(['100-continue']);
  connection.send('HTTP/1.1 100 Continue\r\n\r\n');
  await client.until('100', () => client.response(1).informational.length === 1);
  client.send(data(1, 'abc', END_STREAM));
  await connection.untilText('\r\n\r\nabc');
  connection.send(OK);
  await client.untilResponse(1);

  const plain = await rawClient(gateway.http!.port);
  plain.send('POST /plain HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n');
  const second = await backend.reached('POST /plain');
  await second.untilText('expect: 100-continue');
  second.send('HTTP/1.1 100 Continue\r\n\r\n');
  await plain.untilText('HTTP/1.1 100 Continue\r\n\r\n');
  plain.send('xyz');
  await second.untilText('xyz');
  second.send(OK);
  expect(await plain.untilText('ok')).toMatch(/100 Continue\r\n\r\nHTTP\/1.1 200 OK/);
  plain.close();
});

describe('D22 a backend whose response cannot be trusted gets no second request on its connection', () => {
  const bad: readonly (readonly [name: string, response: string])[] = [
    [
      'content-length and transfer-encoding',
      'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ['two content-length', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc'],
    ['obs-fold', 'HTTP/1.1 200 OK\r\nX: 1\r\n 2\r\nContent-Length: 0\r\n\r\n'],
    ['bare LF', 'HTTP/1.1 200 OK\nContent-Length: 0\n\n'],
    ['more than 32 1xx', `${'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(33)}${OK}`],
    ['a status of its own making', 'HTTP/1.1 20 OK\r\n\r\n'],
    ['CR in a value', 'HTTP/1.1 200 OK\r\nX: a\rb\r\nContent-Length: 0\r\n\r\n'],
  ];
  for (const [name, response] of bad) {
    it(name, async () => {
      client.send(headers(1, get('a')));
      const connection = await backend.connection(1);
      await connection.untilText('\r\n\r\n');
      connection.send(response);
      await client.untilResponse(1);
      expect(client.status(1)).toBe('502');
      await discarded(connection);
    });
  }

  it('a body shorter than its length resets the stream', async () => {
    client.send(headers(1, get('a')));
    const connection = await backend.connection(1);
    await connection.untilText('\r\n\r\n');
    connection.send('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc');
    connection.socket.end();
    expect(await client.untilReset(1)).not.toBe(NO_ERROR);
    await discarded(connection);
  });

  for (const [name, request, head] of [
    ['HEAD', [[':method', 'HEAD'], ...get('a').slice(1)], 'HTTP/1.1 200 OK\r\nContent-Length: 5'],
    ['204', get('a'), 'HTTP/1.1 204 No Content'],
    ['304', get('a'), 'HTTP/1.1 304 Not Modified\r\nContent-Length: 5'],
  ] as const) {
    it(`a body on ${name} is not taken for the next response`, async () => {
      client.send(headers(1, request));
      const connection = await backend.connection(1);
      await connection.untilText('\r\n\r\n');
      connection.send(`${head}\r\n\r\nHTTP/1.1 200 OK\r\nX-Smuggled: 1\r\nContent-Length: 0\r\n\r\n`);
      await client.untilResponse(1);
      expect(client.status(1)).toBe('502');
      await discarded(connection);
      expect(client.response(3).head?.map(([each]) => each)).not.toContain('x-smuggled');
    });
  }
});

it('D23 octets on an idle backend connection are never taken for a response', async () => {
  await seen(headers(1, get('a')));
  const connection = await backend.connection(1);
  connection.send('HTTP/1.1 200 OK\r\nX-Smuggled: 1\r\nContent-Length: 0\r\n\r\n');
  await discarded(connection);
  expect(client.response(3).head?.map(([name]) => name)).not.toContain('x-smuggled');
});

describe('D24 GET with a body', () => {
  it('of known length is forwarded with content-length', async () => {
    const fields: Fields = [...get('a'), ['content-length', '3']];
    const { lines, body } = await seen(
      Buffer.concat([headers(1, fields, END_HEADERS), data(1, 'abc', END_STREAM)]),
      'abc',
    );
    expect(field(lines, 'content-length')).toEqual(['3']);
    expect(body).toBe('abc');
  });
  it('of unknown length is forwarded in chunks', async () => {
    const octets = Buffer.concat([headers(1, get('a'), END_HEADERS), data(1, 'abc', END_STREAM)]);
    const { lines, body } = await seen(octets, '0\r\n\r\n');
    expect(field(lines, 'transfer-encoding')).toEqual(['chunked']);
    expect(field(lines, 'content-length')).toEqual([]);
    expect(body).toBe('3\r\nabc\r\n0\r\n\r\n');
  });
});

describe('D25 a path is matched and forwarded in the same form', () => {
  it.each([
    ['/a/../b', '/b'],
    ['/a/%2e%2e/b', '/b'],
    ['//a//b', '/a/b'],
  ])('%s goes out as %s', async (path, forwarded) => {
    const { lines } = await seen(headers(1, get('a', path)));
    expect(lines[0]).toBe(`GET ${forwarded} HTTP/1.1`);
  });
});

it('D26 what could be taken for a forwarded field is dropped, ours is said once', async () => {
  const claims: Fields = [
    ['x_forwarded_for', '6.6.6.6'],
    ['x-forwarded_for', '6.6.6.6'],
    ['x.forwarded.for', '6.6.6.6'],
    ['x-forwarded-for', '6.6.6.6'],
    ['x-forwarded-host', 'evil'],
    ['forwarded', 'for=6.6.6.6'],
    ['x-real-ip', '6.6.6.6'],
  ];
  const { lines } = await seen(headers(1, [...get('a'), ...claims]));
  expect(lines.join('\n')).not.toMatch(/6\.6\.6\.6|evil/);
  expect(field(lines, 'x-forwarded-for')).toEqual(['127.0.0.1']);
});

describe('D26 what a route sets or removes, no client says by another spelling', () => {
  beforeEach(() =>
    gateway.reload({
      ...gateway.settings,
      to: [],
      routes: [{ to: [backend.url], request: { set: { 'x-tenant': 'acme', my_user: 'ada' }, remove: ['x-debug'] } }],
    }),
  );
  const claims: Fields = ['x-tenant', 'x_tenant', 'x.tenant', 'my_user', 'my-user', 'x-debug', 'x_debug'].map(name => [
    name,
    'evil',
  ]);

  it('in fields', async () => {
    const { lines } = await seen(headers(1, [...get('a'), ...claims, ['x_other', 'kept']]));
    expect(lines.join('\n')).not.toContain('evil');
    expect(field(lines, 'x-tenant')).toEqual(['acme']);
    expect(field(lines, 'my_user')).toEqual(['ada']);
    expect(field(lines, 'x_other')).toEqual(['kept']);
  });

  it('in trailers', async () => {
    const octets = [headers(1, post('a'), END_HEADERS), data(1, 'abc'), headers(1, [...claims, ['x-sum', '1']])];
    const { body } = await seen(Buffer.concat(octets), '\r\n\r\n3\r\nabc\r\n0\r\nx-sum: 1\r\n\r\n');
    expect(body).toBe('3\r\nabc\r\n0\r\nx-sum: 1\r\n\r\n');
  });
});

it('D27 cookie crumbs are joined once', async () => {
  const crumbs: Fields = [
    ['cookie', 'a=1'],
    ['cookie', 'b=2; c=3'],
    ['cookie', 'd=4'],
  ];
  const { lines } = await seen(headers(1, [...get('a'), ...crumbs]));
  expect(field(lines, 'cookie')).toEqual(['a=1; b=2; c=3; d=4']);
});

describe('D29 the framing towards the backend is ours alone', () => {
  it('for an HTTP/1.1 client that sends chunks, with its hop-by-hop fields gone', async () => {
    const plain = await rawClient(gateway.http!.port);
    plain.send(
      'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive, x-hop\r\nX-Hop: 1\r\nKeep-Alive: 5\r\n' +
        'Proxy-Connection: x\r\nUpgrade: h2c\r\nTE: trailers, gzip\r\nX-End: 1\r\n\r\n3;ext=1\r\nabc\r\n0\r\n\r\n',
    );
    const connection = await backend.connection(1);
    const { lines, body } = parsed(await connection.untilText('\r\n0\r\n\r\n'));
    expect(body).toBe('3\r\nabc\r\n0\r\n\r\n');
    expect(field(lines, 'transfer-encoding')).toEqual(['chunked']);
    expect(field(lines, 'x-end')).toEqual(['1']);
    for (const name of ['x-hop', 'keep-alive', 'proxy-connection', 'upgrade']) expect(field(lines, name)).toEqual([]);
    connection.send(OK);
    await plain.untilText('ok');
    plain.close();
  });

  it('Connection may not name what framing and routing rely on', async () => {
    for (const name of ['host', 'content-length', 'cookie', 'authorization']) {
      const plain = await rawClient(gateway.http!.port);
      plain.send(`GET / HTTP/1.1\r\nHost: a\r\nConnection: ${name}\r\n\r\n`);
      expect(await plain.untilText('\r\n\r\n')).toMatch(/^HTTP\/1.1 400 /);
      plain.close();
    }
    expect(backend.connections).toHaveLength(0);
  });
});

it('D30 DATA after the backend answered: upload stopped with NO_ERROR, its connection not reused', async () => {
  client.send(headers(1, post('a'), END_HEADERS)).send(data(1, 'abc'));
  const connection = await backend.connection(1);
  await connection.untilText('abc');
  connection.send('HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno');
  expect(await client.untilReset(1)).toBe(NO_ERROR);
  expect(client.response(1)).toMatchObject({ ended: true, body: Buffer.from('no') });
  client.send(data(1, 'late', END_STREAM));
  await discarded(connection);
  expect(connection.text).not.toContain('late');
});

describe('a backend that says strange things does not harm the gateway', () => {
  const strange: readonly (readonly [name: string, response: string])[] = [
    ['te', 'HTTP/1.1 200 OK\r\nTE: gzip\r\nContent-Length: 2\r\n\r\nok'],
    ['trailer beside content-length', 'HTTP/1.1 200 OK\r\nTrailer: x-t\r\nContent-Length: 2\r\n\r\nok'],
    [
      'expect, host and upgrade',
      'HTTP/1.1 200 OK\r\nExpect: x\r\nHost: b\r\nUpgrade: h2c\r\nContent-Length: 2\r\n\r\nok',
    ],
    [
      'content-length named by connection',
      'HTTP/1.1 200 OK\r\nConnection: content-length\r\nContent-Length: 2\r\n\r\nok',
    ],
    ['names with underscores and symbols', "HTTP/1.1 200 OK\r\nx_y!#$%&'*+.^`|~: 1\r\nContent-Length: 2\r\n\r\nok"],
    ['octets above 0x7f', 'HTTP/1.1 200 OK\r\nX: \xff\xe9\r\nContent-Length: 2\r\n\r\nok'],
    ['a status of three nines', 'HTTP/1.1 999 Odd\r\nContent-Length: 2\r\n\r\nok'],
    [
      'forbidden trailers',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nTE: gzip\r\nHost: b\r\n\r\n',
    ],
    [
      '1xx with framing',
      'HTTP/1.1 103 Early\r\nContent-Length: 5\r\nTE: gzip\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
    ],
  ];
  for (const [name, response] of strange) {
    it(`${name}, for HTTP/2 and HTTP/1.1 clients`, async () => {
      client.send(headers(1, get('a')));
      const connection = await backend.connection(1);
      await connection.untilText('\r\n\r\n');
      connection.send(response);
      await client.untilResponse(1);
      const plain = await rawClient(gateway.http!.port);
      plain.send('GET /plain HTTP/1.1\r\nHost: a\r\n\r\n');
      (await backend.reached('GET /plain')).send(response);
      await plain.untilText(/^5/.test(client.status(1)) ? ' 502 ' : 'ok');
      plain.close();
    });
  }
});
