/**
 * Never a smuggler: what an HTTP/2 client may not say, row by row, over a real socket, octet by octet. A stream error
 * PROTOCOL_ERROR (or a 400 where marked), and no complete request behind the listener.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  data,
  END_HEADERS,
  END_STREAM,
  type Fields,
  get,
  headers,
  PROTOCOL_ERROR,
  post,
  windowUpdate,
} from './support/h2-frames.ts';
import { type RawH2Client, rawH2Client } from './support/raw-client.ts';
import { Harness } from './support/recorder.ts';

let harness: Harness;
let client: RawH2Client;

beforeAll(async () => {
  harness = await Harness.start(exchange => {
    // A request that is complete is answered; one with a body waits for it.
    if (exchange.complete) exchange.answer(200, 'reached');
    exchange.hooks.onBody = (_, end) => end && exchange.answer(200, 'reached');
    exchange.hooks.onTrailers = () => exchange.answer(200, 'reached');
  });
});
afterAll(() => harness.stop());
afterEach(() => client.close());

/** Sends the octets for stream 1, and expects the stream reset, nothing complete inside, and the connection alive. */
async function refused(...octets: Uint8Array[]): Promise<void> {
  const from = harness.exchanges.length;
  client = await rawH2Client(harness.port);
  client.send(Buffer.concat(octets));
  expect(await client.untilReset(1)).toBe(PROTOCOL_ERROR);
  const complete = harness.exchanges.slice(from).filter(exchange => exchange.complete);
  expect(complete).toEqual([]);
  for (const exchange of harness.exchanges.slice(from)) expect(exchange.aborted?.code).toBe('client_protocol_error');
  await alive();
}

/** The same where the request is well formed and gets an answer: 400, and nothing inside at all. */
async function answered400(...octets: Uint8Array[]): Promise<void> {
  const from = harness.exchanges.length;
  client = await rawH2Client(harness.port);
  client.send(Buffer.concat(octets));
  await client.untilResponse(1);
  expect(client.status(1)).toBe('400');
  expect(harness.exchanges).toHaveLength(from);
  await alive();
}

/** The next request on the same connection is served, so the field tables and windows are still right. */
async function alive(): Promise<void> {
  client.send(headers(3, get('alive')));
  expect((await client.untilResponse(3)).body.toString()).toBe('reached');
}

async function reaches(...octets: Uint8Array[]): Promise<void> {
  client = await rawH2Client(harness.port);
  client.send(Buffer.concat(octets));
  expect((await client.untilResponse(1)).body.toString()).toBe('reached');
}

const withLength = (length: string): Fields => [...post('a'), ['content-length', length]];

it('what is allowed reaches the exchange', () =>
  reaches(headers(1, withLength('3'), END_HEADERS), data(1, 'abc', END_STREAM)));

describe('D1 content-length 0 with DATA', () => {
  it('is reset at the first excess octet', () => refused(headers(1, withLength('0'), END_HEADERS), data(1, 'x')));
  it('also when the octet ends the stream', () =>
    refused(headers(1, withLength('0'), END_HEADERS), data(1, 'x', END_STREAM)));
  it('also above any other length', () => refused(headers(1, withLength('2'), END_HEADERS), data(1, 'xyz')));
});

describe('D2 content-length above the DATA sum at END_STREAM', () => {
  it('is reset', () => refused(headers(1, withLength('10'), END_HEADERS), data(1, 'x', END_STREAM)));
  it('is reset when the DATA came in several frames', () =>
    refused(headers(1, withLength('10'), END_HEADERS), data(1, 'abc'), data(1, 'def', END_STREAM)));
});

it('D3 content-length N with END_STREAM on HEADERS', () => refused(headers(1, withLength('1'))));

it('D4 partial DATA, END_STREAM on trailers', () =>
  refused(headers(1, withLength('3'), END_HEADERS), data(1, 'x'), headers(1, [['x-t', '1']])));

it('D5 content-length N, then empty DATA with END_STREAM', () =>
  refused(headers(1, withLength('3'), END_HEADERS), data(1, '', END_STREAM)));

describe('D6 content-length that is not one number', () => {
  for (const value of ['1,1', '1, 1', '+1', '-0', '-1', '0x1', '', '1 ', '1.0', '1e0', '9'.repeat(30), '\u0661']) {
    const octets = Buffer.from(value).toString('latin1');
    it(JSON.stringify(value), () => refused(headers(1, withLength(octets), END_HEADERS), data(1, 'x', END_STREAM)));
  }
  it('two equal fields', () =>
    refused(headers(1, [...withLength('1'), ['content-length', '1']], END_HEADERS), data(1, 'x', END_STREAM)));
  it('two different fields', () =>
    refused(headers(1, [...withLength('1'), ['content-length', '2']], END_HEADERS), data(1, 'x', END_STREAM)));
});

describe('D7 transfer-encoding in any form', () => {
  for (const [name, value] of [
    ['transfer-encoding', 'chunked'],
    ['transfer-encoding', 'identity'],
    ['transfer-encoding', ''],
    ['transfer-encoding', 'gzip, chunked'],
    ['Transfer-Encoding', 'chunked'],
    ['transfer-encoding ', 'chunked'],
    [' transfer-encoding', 'chunked'],
    ['transfer-encoding:', 'chunked'],
    ['transfer-encoding:chunked', ''],
    ['transfer\u00adencoding', 'chunked'],
    ['x', 'a\r\ntransfer-encoding: chunked'],
    ['x\r\ntransfer-encoding', 'chunked'],
  ] as const) {
    it(JSON.stringify(`${name}: ${value}`), () =>
      refused(
        headers(1, [...post('a'), [name, value]], END_HEADERS),
        data(1, '0\r\n\r\nGET / HTTP/1.1\r\n', END_STREAM),
      ),
    );
  }
  it('in trailers', () =>
    refused(headers(1, post('a'), END_HEADERS), data(1, 'x'), headers(1, [['transfer-encoding', 'chunked']])));
});

describe('D8 connection-specific fields', () => {
  for (const name of ['connection', 'proxy-connection', 'keep-alive', 'upgrade', 'http2-settings']) {
    it(name, () => refused(headers(1, [...get('a'), [name, 'x']])));
    it(`${name} in trailers`, () => refused(headers(1, post('a'), END_HEADERS), headers(1, [[name, 'x']])));
  }
});

describe('D9 te other than exactly trailers', () => {
  for (const value of ['gzip', 'trailers, gzip', 'Trailers', 'trailers;q=1', '', 'trailers ']) {
    it(JSON.stringify(value), () => refused(headers(1, [...get('a'), ['te', value]])));
  }
  it('trailers is fine', () => reaches(headers(1, [...get('a'), ['te', 'trailers']])));
});

describe('D10 control characters and white space around a value', () => {
  for (const value of ['a\rb', 'a\nb', 'a\r\nb', 'a\0b', ' a', 'a ', '\ta', 'a\t', '\r\n', 'a\x01b', 'a\x7fb', ' ']) {
    it(JSON.stringify(value), () => refused(headers(1, [...get('a'), ['x-a', value]])));
  }
  it('inner white space and octets above 0x7f are fine', () =>
    reaches(headers(1, [...get('a'), ['x-a', 'a \t\xe9 b']])));
});

describe('D11 names that are no lower-case token', () => {
  for (const name of [
    'X-A',
    'x a',
    'x:a',
    'x\ra',
    'x\na',
    '',
    'x\0a',
    'x(a',
    'x\xe9',
    'x\x7f',
    ' x',
    'x ',
    'host\r\n',
    '"',
  ]) {
    it(JSON.stringify(name), () => refused(headers(1, [...get('a'), [name, '1']])));
  }
});

describe('D12 :path', () => {
  const paths = [
    '/a b',
    '/a\tb',
    '/a\r\nHost: b',
    '/a\0',
    '/a#b',
    '/\xe9',
    '',
    'a',
    'http://b/',
    '*',
    '//\n',
    '?x',
    '/\x7f',
  ];
  for (const path of paths) it(JSON.stringify(path), () => refused(headers(1, get('a', path))));
  it('* is for OPTIONS', async () => {
    const options = get('a', '*');
    options[0] = [':method', 'OPTIONS'];
    await reaches(headers(1, options));
  });
});

describe('D13 :method that is no token', () => {
  for (const method of ['', 'GET /x', 'G\rET', 'GET\r\n', 'G:T', 'GET HTTP/1.1', '\xe9', 'GET ']) {
    it(JSON.stringify(method), () => refused(headers(1, [[':method', method], ...get('a').slice(1)])));
  }
});

describe('D14 :scheme', () => {
  const scheme = (value: string): Fields => get('a', '/', value);
  for (const value of ['ftp', 'ws', 'HTTP']) it(`${value} gets 400`, () => answered400(headers(1, scheme(value))));
  it('https on a cleartext connection gets 400', () => answered400(headers(1, scheme('https'))));
  for (const value of ['', 'http:', 'http://b/?', 'ht tp', 'http\r\n', '1http']) {
    it(JSON.stringify(value), () => refused(headers(1, scheme(value))));
  }
  it('https on a cleartext connection is taken when not strict', async () => {
    const lax = await Harness.start(exchange => exchange.answer(200, 'reached'), { limits: { strictScheme: false } });
    client = await rawH2Client(lax.port);
    client.send(headers(1, scheme('https')));
    await client.untilResponse(1);
    expect(client.status(1)).toBe('200');
    await lax.stop();
  });
  it('a refused request with a body has it dropped and declined', async () => {
    client = await rawH2Client(harness.port);
    client.send(headers(1, post('a', '/', 'https'), END_HEADERS)).send(data(1, Buffer.alloc(16_000)));
    await client.until('the 400', () => client.status(1) === '400');
    expect(await client.untilReset(1)).toBe(0);
    client.send(windowUpdate(0, 1));
    await alive();
  });
});

describe('D15 :authority', () => {
  const bad = [
    'u@a',
    'u:p@a',
    'a/b',
    'a?b',
    'a#b',
    'a b',
    'a,b',
    'a:b',
    'a:99999',
    'a:0',
    'a:',
    ':80',
    'a:80:80',
    '[::1',
    '::1',
    '[a',
    'a]',
    '[::1]x',
    'a\r\n',
    'a\\b',
    '\xe9',
    'a"',
    '<a>',
    'a%zz',
    '',
  ];
  for (const authority of bad) it(JSON.stringify(authority), () => refused(headers(1, get(authority))));
  it('none at all, and no host', () =>
    refused(
      headers(
        1,
        get('a').filter(([name]) => name !== ':authority'),
      ),
    ));
  for (const authority of ['a', 'a.example:8080', '127.0.0.1', '[::1]:80', 'xn--a_b.test', 'a%20b']) {
    it(`${authority} is fine`, () => reaches(headers(1, get(authority))));
  }
});

describe('D16 :authority and host', () => {
  it('differ', () => refused(headers(1, [...get('a'), ['host', 'b']])));
  it('differ in the port', () => refused(headers(1, [...get('a:8080'), ['host', 'a']])));
  it('two host fields', () => refused(headers(1, [...get('a'), ['host', 'a'], ['host', 'a']])));
  it('two host fields without :authority', () => {
    const fields = get('a').filter(([name]) => name !== ':authority');
    return refused(headers(1, [...fields, ['host', 'a'], ['host', 'b']]));
  });
  it('a host that is no host, without :authority', () => {
    const fields = get('a').filter(([name]) => name !== ':authority');
    return refused(headers(1, [...fields, ['host', 'a, b']]));
  });
  it('the same is taken once', async () => {
    const from = harness.exchanges.length;
    await reaches(headers(1, [...get('a'), ['host', 'A']]));
    expect(harness.exchanges[from]!.request).toMatchObject({ authority: 'a', fields: [] });
  });
});

describe('D17 pseudo-fields', () => {
  const duplicates: Fields = get('a');
  for (const [name, value] of duplicates) {
    it(`${name} twice`, () => refused(headers(1, [...duplicates, [name, value]])));
  }
  for (const name of [':method', ':scheme', ':path']) {
    it(`${name} missing`, () =>
      refused(
        headers(
          1,
          get('a').filter(field => field[0] !== name),
        ),
      ));
  }
  it('unknown', () => refused(headers(1, [...get('a'), [':x', '1']])));
  it('just a colon', () => refused(headers(1, [...get('a'), [':', '1']])));
  it(':status', () => refused(headers(1, [...get('a'), [':status', '200']])));
  it('after a regular field', () => refused(headers(1, [['x-a', '1'], ...get('a')])));
  it('one after a regular field', () => refused(headers(1, [...get('a').slice(0, 3), ['x-a', '1'], [':path', '/']])));
});

describe('D18 :protocol', () => {
  it('without CONNECT', () => refused(headers(1, [...get('a'), [':protocol', 'websocket']])));
  it('that was not advertised', async () => {
    const without = await Harness.start(() => {}, { limits: { webSocket: false } });
    client = await rawH2Client(without.port);
    client.send(headers(1, [[':method', 'CONNECT'], ...get('a').slice(1), [':protocol', 'websocket']], END_HEADERS));
    expect(await client.untilReset(1)).toBe(PROTOCOL_ERROR);
    expect(without.exchanges).toHaveLength(0);
    await without.stop();
  });
});

describe('D19 CONNECT', () => {
  it('with :path and :scheme', () => refused(headers(1, [[':method', 'CONNECT'], ...get('a').slice(1)])));
  it('without :authority', () => refused(headers(1, [[':method', 'CONNECT']])));
  it('well formed, is answered 501: no tunnels here', async () => {
    const from = harness.exchanges.length;
    client = await rawH2Client(harness.port);
    client.send(
      headers(
        1,
        [
          [':method', 'CONNECT'],
          [':authority', 'a:443'],
        ],
        END_HEADERS,
      ),
    );
    await client.until('501', () => client.status(1) === '501');
    expect(harness.exchanges).toHaveLength(from);
    await alive();
  });
});

describe('D20 trailers', () => {
  const open = headers(1, post('a'), END_HEADERS);
  it('with pseudo-fields', () => refused(open, headers(1, [[':path', '/']])));
  it('with :status', () => refused(open, headers(1, [[':status', '200']])));
  it('without END_STREAM', () => refused(open, headers(1, [['x-t', '1']], END_HEADERS)));
  it('with an upper-case name', () => refused(open, headers(1, [['X-T', '1']])));
  it('with CRLF in a value', () => refused(open, headers(1, [['x-t', '1\r\n\r\nGET / HTTP/1.1']])));
});
