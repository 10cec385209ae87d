/** Never a smuggler: what an HTTP/1 client may not say, over a real socket, octet by octet. 400, and nothing inside. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rawClient } from './support/raw-client.ts';
import { Harness } from './support/recorder.ts';

let harness: Harness;

beforeAll(async () => {
  harness = await Harness.start(exchange => {
    if (exchange.complete) exchange.answer(200, 'reached');
    exchange.hooks.onBody = (_, end) => end && exchange.answer(200, 'reached');
  });
});
afterAll(() => harness.stop());

/** The whole of what the server answers; a second request behind the bad one must never be served. */
async function answerTo(octets: string): Promise<string> {
  const from = harness.exchanges.length;
  const client = await rawClient(harness.port);
  client.send(`${octets}GET /second HTTP/1.1\r\nHost: a\r\n\r\n`);
  const text = await client.untilEnd();
  expect(harness.exchanges.slice(from).filter(({ complete }) => complete)).toEqual([]);
  expect(text.match(/HTTP\/1.1 /g)).toHaveLength(1);
  return text;
}

/** Refused, with a reason a person can act on. */
function refused(name: string, octets: string, why: RegExp, status = 400): void {
  it(name, async () => {
    const text = await answerTo(octets);
    expect(text).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(text).toMatch(/\r\nconnection: close\r\n/);
    expect(text).toMatch(why);
  });
}

const CHUNKED = '0\r\n\r\n';

describe('transfer-encoding (RFC 9112 6.1)', () => {
  const te = (value: string, version = '1.1'): string =>
    `POST / HTTP/${version}\r\nHost: a\r\nTransfer-Encoding: ${value}\r\n\r\n${CHUNKED}`;
  refused('on HTTP/1.0', te('chunked', '1.0'), /transfer-encoding on HTTP\/1.0/);
  refused('gzip, chunked', te('gzip, chunked'), /only "chunked" is understood/);
  refused('chunked, gzip', te('chunked, gzip'), /400/);
  refused('chunked, chunked', te('chunked, chunked'), /400/);
  refused('identity', te('identity'), /400/);
  refused('xchunked', te('xchunked'), /400/);
  refused('chunked with a parameter', te('chunked;a=b'), /400/);
  refused('empty', te(''), /400/);
  refused('vertical tab before chunked', te('\x0bchunked'), /400/);
  refused(
    'twice',
    'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    /400/,
  );
  refused(
    'beside content-length',
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    /Transfer-Encoding can't be present with Content-Length/,
  );
  refused(
    'after content-length 0',
    'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n0\r\n\r\n',
    /400/,
  );
});

describe('content-length (RFC 9112 6.3)', () => {
  const length = (value: string): string => `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${value}\r\n\r\nx`;
  for (const value of ['1, 1', '+1', '-0', '0x1', '', '1 1', '1.0', '99999999999999999999999']) {
    refused(JSON.stringify(value), length(value), /400/);
  }
  refused('above 2^53', length('9007199254740993'), /is not a number of octets/);
  refused('twice', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx', /Content-Length/);
});

describe('chunks (RFC 9112 7.1)', () => {
  const chunked = (body: string): string => `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${body}`;
  refused('size ended by a bare LF', chunked('1\nx\r\n0\r\n\r\n'), /400/);
  refused('size in words', chunked('one\r\nx\r\n0\r\n\r\n'), /400/);
  refused('size with a prefix', chunked('0x1\r\nx\r\n0\r\n\r\n'), /400/);
  refused('negative size', chunked('-1\r\nx\r\n0\r\n\r\n'), /400/);
  refused('size beyond 64 bits', chunked('10000000000000001\r\nx\r\n0\r\n\r\n'), /400/);
  refused('octets beyond the size', chunked('1\r\nxyz\r\n0\r\n\r\n'), /400/);
  it('extensions are dropped with the framing', async () => {
    const client = await rawClient(harness.port);
    client.send(chunked('3;a="b"\r\nabc\r\n0;c\r\n\r\n'));
    await client.untilText('reached');
    expect(harness.exchanges.at(-1)!.body.toString()).toBe('abc');
    client.close();
  });
});

describe('host (RFC 9112 3.2)', () => {
  refused('missing on HTTP/1.1', 'GET / HTTP/1.1\r\n\r\n', /no host field/);
  refused('twice', 'GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n', /more than one host/);
  refused('twice on HTTP/1.0', 'GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n', /more than one host/);
  for (const host of ['u@a', 'a/b', 'a?b', 'a#b', 'a b', 'a,b', 'a, a', 'a:b', 'a:99999', 'a:', '', '[::1', '\xe9']) {
    refused(JSON.stringify(host), `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`, /is not a host and port/);
  }
});

describe('request target (RFC 9112 3.2)', () => {
  refused('absolute-form against Host', 'GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n', /names "b", the host field "a"/);
  refused('absolute-form with another port', 'GET http://a:81/ HTTP/1.1\r\nHost: a\r\n\r\n', /names "a:81"/);
  refused('absolute-form with userinfo', 'GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n', /400/);
  refused(
    'absolute-form of https in cleartext',
    'GET https://a/ HTTP/1.1\r\nHost: a\r\n\r\n',
    /on a connection that is http/,
  );
  refused('absolute-form of ftp', 'GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n', /neither http nor https/);
  refused('a fragment', 'GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n', /is not a path/);
  refused('* for GET', 'GET * HTTP/1.1\r\nHost: a\r\n\r\n', /is not a path/);
  refused('octets above 0x7f', 'GET /\xe9 HTTP/1.1\r\nHost: a\r\n\r\n', /400/);
  refused('a space', 'GET /a b HTTP/1.1\r\nHost: a\r\n\r\n', /400/);
  refused('a control character', 'GET /a\x01 HTTP/1.1\r\nHost: a\r\n\r\n', /400/);
  refused('no slash', 'GET a HTTP/1.1\r\nHost: a\r\n\r\n', /400/);
  refused('authority-form for GET', 'GET a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n', /400/);
});

describe('request line and field lines (RFC 9112 2.2, 3, 5)', () => {
  refused('HTTP/2.0', 'GET / HTTP/2.0\r\nHost: a\r\n\r\n', /HTTP\/2.0 is not spoken here/);
  refused('HTTP/0.9', 'GET / HTTP/0.9\r\nHost: a\r\n\r\n', /400/);
  refused('a method that is no token', 'G(T / HTTP/1.1\r\nHost: a\r\n\r\n', /400/);
  refused('bare LF', 'GET / HTTP/1.1\nHost: a\n\n', /400/);
  refused('bare LF in the field section', 'GET / HTTP/1.1\r\nHost: a\nX: 1\r\n\r\n', /400/);
  refused('bare CR in a value', 'GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n', /400/);
  refused('obs-fold', 'GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n\r\n', /400/);
  refused('white space before the colon', 'GET / HTTP/1.1\r\nHost : a\r\n\r\n', /400/);
  refused('white space before the first name', 'GET / HTTP/1.1\r\n Host: a\r\n\r\n', /400/);
  refused('an empty name', 'GET / HTTP/1.1\r\nHost: a\r\n: x\r\n\r\n', /400/);
  refused('NUL in a value', 'GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n', /400/);
  refused('a control character in a value', 'GET / HTTP/1.1\r\nHost: a\r\nX: a\x01b\r\n\r\n', /400/);
  refused('a line without a colon', 'GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n', /400/);
  const many = Array.from({ length: 257 }, (_, i) => `x-${i}: 1\r\n`).join('');
  refused('more field lines than allowed', `GET / HTTP/1.1\r\nHost: a\r\n${many}\r\n`, /at most 256 are allowed/, 431);
  refused('fields too large', `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(70_000)}\r\n\r\n`, /too large/, 431);
});

describe('D28 CONNECT', () => {
  refused(
    'opens no tunnel, and what follows is not read',
    'CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n',
    /no tunnels/,
    501,
  );
});

it('a refused request with a large body is read on for a while, so that the 400 arrives', async () => {
  const client = await rawClient(harness.port);
  const body = Buffer.alloc(5_000_000);
  client.send(`POST / HTTP/1.1\r\nHost: a\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n`).send(body);
  const written = new Promise<unknown>(resolve => client.socket.write('', resolve));
  expect(await client.untilEnd()).toMatch(/^HTTP\/1.1 400 .*more than one host/s);
  expect((await written) ?? null).toBe(null); // and not a reset in the middle of it
  client.close();
});

it('a request that is fine is answered before the one behind it that is not', async () => {
  const client = await rawClient(harness.port);
  client.send('GET /1 HTTP/1.1\r\nHost: a\r\n\r\nG(T / HTTP/1.1\r\n\r\n');
  expect(await client.untilEnd()).toMatch(/^HTTP\/1.1 200 .*reached.*HTTP\/1.1 400 /s);
});

it('a body that breaks off in nonsense never completes', async () => {
  const from = harness.exchanges.length;
  const client = await rawClient(harness.port);
  client.send('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n');
  await harness.until('the body', () => harness.exchanges[from]?.body.length === 3);
  client.send('nonsense\r\n');
  expect(await client.untilEnd()).toMatch(/^HTTP\/1.1 400 /);
  expect(harness.exchanges[from]).toMatchObject({ complete: false, aborted: { code: 'client_protocol_error' } });
});
