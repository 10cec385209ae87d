/**
 * Whatever clients and backends send, the process lives, the next client is served, and what reaches the exchange is well
 * formed. An exception anywhere fails the run, because the tests run in the process that serves.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT_SETTINGS } from '../src/config/settings.ts';
import type { RequestMessage } from '../src/exchange/legs.ts';
import { startGateway } from '../src/gateway.ts';
import { block, frame, get, headers, PREFACE, settings, Type } from './support/h2-frames.ts';
import { RawBackend } from './support/raw-backend.ts';
import { RawH2Client, rawClient, rawH2Client } from './support/raw-client.ts';
import { Harness } from './support/recorder.ts';

const runs = (numRuns: number) => ({ numRuns, endOnFailure: true });

function expectWellFormed({ method, scheme, authority, path, fields }: RequestMessage): void {
  expect(method).toMatch(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/);
  expect(scheme).toBe('http');
  expect(authority).toMatch(/^[^\s@/?#,\\"]*$/);
  expect(path).toMatch(/^(?:\/[\x21\x22\x24-\x7e]*|\*)$/);
  for (let i = 0; i < fields.length; i += 2) {
    expect(fields[i]).toMatch(/^[!#$%&'*+\-.^_`|~0-9a-z]+$/);
    expect(fields[i]).not.toMatch(/^(?:host|content-length|transfer-encoding)$/);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
    expect(fields[i + 1]).not.toMatch(/[\0-\x08\x0a-\x1f\x7f]|^\s|\s$/);
  }
}

/** Cuts octets into pieces at the places given. */
function pieces(octets: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [0, ...new Set(cuts.map(cut => cut % (octets.length + 1))), octets.length].sort((a, b) => a - b);
  return places.slice(1).map((end, i) => octets.subarray(places[i], end));
}

async function turns(n: number): Promise<void> {
  for (let i = 0; i < n; i++) await new Promise(setImmediate);
}

describe('clients', () => {
  let harness: Harness;

  beforeAll(async () => {
    harness = await Harness.start(exchange => {
      expectWellFormed(exchange.request);
      const answer = (): void => exchange.answer(200, 'reached', ['content-length', '7']);
      if (exchange.complete) answer();
      exchange.hooks.onBody = (_, end) => end && answer();
      exchange.hooks.onTrailers = answer;
    });
  });
  afterAll(() => harness.stop());

  async function served(): Promise<void> {
    const client = await rawClient(harness.port);
    client.send('GET / HTTP/1.1\r\nHost: alive\r\n\r\n');
    await client.untilText('reached');
    client.close();
  }

  const line = fc.constantFrom(
    'GET / HTTP/1.1',
    'POST /x HTTP/1.1',
    'HEAD http://a/ HTTP/1.1',
    'OPTIONS * HTTP/1.1',
    'GET / HTTP/1.0',
    'CONNECT a:1 HTTP/1.1',
    'PRI * HTTP/2.0',
    'Host: a',
    'Host: b',
    'Content-Length: 3',
    'Content-Length: 0',
    'Transfer-Encoding: chunked',
    'Transfer-Encoding: gzip, chunked',
    'Connection: close',
    'Connection: Upgrade, HTTP2-Settings',
    'Upgrade: h2c',
    'Upgrade: websocket',
    'HTTP2-Settings: AAMAAABk',
    'Sec-WebSocket-Key: x',
    'Expect: 100-continue',
    'TE: trailers',
    ' folded',
    'X-A: \xe9',
    'x',
    '3',
    'abc',
    '0',
    '',
    '',
    '',
  );
  const end = fc.constantFrom('\r\n', '\r\n', '\r\n', '\r\n', '\r\n', '\r\n', '\n', '\r', '');
  const http1 = fc
    .array(
      fc.tuple(line, end).map(parts => parts.join('')),
      { maxLength: 14 },
    )
    .map(parts => parts.join(''));

  it('of HTTP/1', async () => {
    await fc.assert(
      fc.asyncProperty(http1, fc.boolean(), fc.array(fc.nat(400), { maxLength: 3 }), async (text, begun, cuts) => {
        const octets = Buffer.from(begun ? `POST / HTTP/1.1\r\nHost: a\r\n${text}` : text, 'latin1');
        const client = await rawClient(harness.port);
        for (const piece of pieces(octets, cuts)) {
          client.send(piece);
          await turns(1);
        }
        await turns(4);
        client.close();
      }),
      runs(200),
    );
    await served();
  });

  const field = fc.tuple(
    fc.constantFrom(
      ':method',
      ':path',
      ':scheme',
      ':authority',
      ':protocol',
      'host',
      'content-length',
      'te',
      'x-a',
      'X',
    ),
    fc.constantFrom(
      'GET',
      'CONNECT',
      '/',
      '*',
      'http',
      'a',
      'a:1',
      '3',
      '0',
      'trailers',
      'websocket',
      '',
      'a\r\nb',
      '\xff',
    ),
  );
  const payload = fc.oneof(
    fc.uint8Array({ maxLength: 40 }).map(octets => Buffer.from(octets)),
    fc.array(field, { maxLength: 3 }).map(more => block([...get('a'), ...more])),
    fc.array(field, { maxLength: 6 }).map(block),
    fc.constant(Buffer.from('abc')),
  );
  const anyFrame = fc
    .tuple(
      fc.nat(0x10),
      fc.constantFrom(0, 1, 4, 5, 8, 0x20, 0x2d, 0xff),
      fc.constantFrom(0, 1, 1, 3, 3, 5, 2, 7),
      payload,
    )
    .map(([type, flags, streamId, octets]) => frame(type, flags, streamId, octets));
  const likelyFrame = fc
    .tuple(fc.constantFrom(0, 1, 1, 9, 3, 8), fc.constantFrom(0, 1, 4, 5), fc.constantFrom(1, 3, 5), payload)
    .map(([type, flags, streamId, octets]) => frame(type, flags, streamId, octets));

  it('of HTTP/2', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(anyFrame, likelyFrame, likelyFrame), { maxLength: 10 }),
        fc.array(fc.nat(600), { maxLength: 3 }),
        async (frames, cuts) => {
          const { socket } = await rawClient(harness.port);
          const client = new RawH2Client(socket);
          client.autoAck = false;
          for (const piece of pieces(Buffer.concat([PREFACE, settings(), ...frames]), cuts)) {
            client.send(piece);
            await turns(1);
          }
          await turns(4);
          client.close();
        },
      ),
      runs(200),
    );
    await served();
    // No exchange is forgotten: each was finished or aborted, whatever its client did.
    await harness.until('the last exchanges', () =>
      harness.exchanges.every(exchange => exchange.finished === 1 || exchange.aborted !== null),
    );
  });
});

describe('backends', () => {
  const line = fc.constantFrom(
    'HTTP/1.1 200 OK',
    'HTTP/1.1 100 Continue',
    'HTTP/1.1 103 Early Hints',
    'HTTP/1.1 101 Switching Protocols',
    'HTTP/1.1 204 No Content',
    'HTTP/1.1 304 Not Modified',
    'HTTP/1.0 200 OK',
    'HTTP/1.1 999 Odd',
    'Content-Length: 2',
    'Content-Length: 0',
    'Transfer-Encoding: chunked',
    'Connection: close',
    'Connection: x-a, content-length',
    'Trailer: x-t',
    'TE: gzip',
    'Upgrade: h2c',
    'Set-Cookie: a=1',
    'X-A: \xe9',
    ': x',
    '2',
    'ok',
    '0',
    'x-t: 1',
    '',
    '',
  );
  const response = fc
    .tuple(
      fc.constantFrom('', 'HTTP/1.1 200 OK\r\n', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n'),
      fc.array(
        fc.tuple(line, fc.constantFrom('\r\n', '\r\n', '\r\n', '\n')).map(parts => parts.join('')),
        { maxLength: 8 },
      ),
    )
    .map(([begin, rest]) => begin + rest.join(''));

  it('of HTTP/1, for clients of both protocols', async () => {
    const backend = await RawBackend.start();
    const http = { host: '127.0.0.1', port: 0 };
    const gateway = await startGateway({
      ...DEFAULT_SETTINGS,
      to: [backend.url],
      http,
      https: null,
      inspector: null,
      logLevel: 'error',
    });
    const { port } = gateway.http!;
    let count = 0;
    /** Answers the request for this path with these octets, on whatever connection it comes. */
    const answer = async (path: string, text: string, half: boolean): Promise<void> => {
      const connection = await backend.reached(`${path} HTTP/1.1`);
      connection.send(text);
      if (half) connection.socket.end();
      await turns(4);
      connection.close();
    };
    const answerWith = async (text: string, half: boolean): Promise<void> => {
      const path = `/${++count}`;
      const h2 = await rawH2Client(port);
      h2.send(headers(1, get('a', `${path}-h2`)));
      await answer(`${path}-h2`, text, half);
      h2.close();
      const h1 = await rawClient(port);
      h1.send(`GET ${path}-h1 HTTP/1.1\r\nHost: a\r\n\r\n`);
      await answer(`${path}-h1`, text, half);
      h1.close();
    };
    await fc.assert(fc.asyncProperty(response, fc.boolean(), answerWith), runs(100));

    const client = await rawH2Client(port);
    client.send(headers(1, get('alive', '/alive')));
    const connection = await backend.reached('/alive HTTP/1.1');
    connection.send('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    expect((await client.untilResponse(1)).body.toString()).toBe('ok');
    expect(client.frames.some(({ type }) => type === Type.GOAWAY)).toBe(false);
    client.close();
    await gateway.close(0);
    await backend.stop();
  });
});
