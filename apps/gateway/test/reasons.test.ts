import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { REASON_CODES, REASONS, reason } from '../src/exchange/reason.ts';
import type { ConnectionEvent } from '../src/exchange/record.ts';
import { startApp, TestGateway } from './support/gateway.ts';
import { END_HEADERS, END_STREAM, frame, get, headers, post, Type } from './support/h2-frames.ts';
import { rawClient, rawH2Client } from './support/raw-client.ts';
import { Harness } from './support/recorder.ts';

let app: Awaited<ReturnType<typeof startApp>>;
let under: TestGateway;

beforeAll(async () => {
  app = await startApp((_request, response) => response.end('ok'));
  under = await TestGateway.start([], {
    routes: [
      { prefix: '/app', to: [app.url] },
      { prefix: '/down', to: ['http://127.0.0.1:1'] },
    ],
    reasonHeader: 'glassway-reason',
  });
});
afterAll(async () => {
  await under.stop();
  await app.close();
});

/** What one HTTP/1.1 request gets, to the end of the connection. */
async function ask(text: string): Promise<string> {
  const client = await rawClient(under.port);
  client.send(text.replaceAll('\n', '\r\n'));
  await client.until('the end', () => client.text.includes('\r\n\r\n'));
  client.close();
  return client.text;
}

describe('a response of the gateway names code, rule and RFC section in its field, its body and the log', () => {
  it('when no route takes the request', async () => {
    const response = await fetch(`${under.url}/nowhere`);
    expect(response.status).toBe(404);
    expect(response.headers.get('glassway-reason')).toBe('no_route;rule="no-route";rfc="9110 15.5.5"');
    expect(await response.text()).toMatch(/^404 no_route /);
    expect(await under.line({ path: '/nowhere' })).toMatchObject({
      status: 404,
      reason: 'no_route',
      rule: 'no-route',
      rfc: '9110 15.5.5',
    });
  });

  it('when the backend is down', async () => {
    const response = await fetch(`${under.url}/down`);
    expect(response.headers.get('glassway-reason')).toMatch(/^backend_refused;/);
    expect(await under.line({ path: '/down' })).toMatchObject({ status: 502, reason: 'backend_refused' });
  });

  it('when the listener refuses an HTTP/1.1 request', async () => {
    const text = await ask('GET /twice HTTP/1.1\nhost: a\nhost: b\n\n');
    expect(text).toContain('glassway-reason: request_rejected;rule="http1.host-twice";rfc="9112 3.2"\r\n');
    expect(await under.line({ path: '/twice' })).toMatchObject({ status: 400, rule: 'http1.host-twice' });
  });

  it('when the fields are too large', async () => {
    const text = await ask(`GET /many HTTP/1.1\nhost: a\nx: ${'y'.repeat(70_000)}\n\n`);
    expect(text).toContain('glassway-reason: request_too_large;rule="http1.header-octets";rfc="6585 5"\r\n');
    expect(await under.line({ reason: 'request_too_large' })).toMatchObject({ event: 'response', status: 431 });
  });

  it('when what comes is no HTTP at all', async () => {
    const text = await ask('BLAH BLAH\n\n');
    expect(text).toContain('glassway-reason: client_protocol_error;rule="http1.syntax"');
    expect(await under.line({ event: 'response', status: 400 })).toMatchObject({ status: 400, rule: 'http1.syntax' });
  });

  it('when the listener refuses an HTTP/2 request', async () => {
    const client = await rawH2Client(under.port);
    client.send(headers(1, get('a', '/secure', 'https')));
    await client.until('the refusal', () => client.response(1).ended);
    expect(client.response(1).head).toContainEqual([
      'glassway-reason',
      'request_rejected;rule="request.scheme-of-transport";rfc="9110 7.4"',
    ]);
    expect(await under.line({ path: '/secure' })).toMatchObject({ status: 400, stream: 1 });
    client.close();
  });
});

describe('what is cut off names its reason in the log', () => {
  it('RST_STREAM of a request the core finds malformed, which never reached the gateway', async () => {
    const client = await rawH2Client(under.port);
    client.send(headers(1, [...get('a'), ['Upper', 'x']]));
    await client.untilFrame(Type.RST_STREAM);
    expect(await under.line({ event: 'reset', port: client.socket.localPort })).toMatchObject({
      stream: 1,
      code: 'PROTOCOL_ERROR',
      reason: 'client_protocol_error',
      rule: 'field.name',
      rfc: expect.stringMatching(/^9113 8\.2/),
    });
    client.close();
  });

  it('RST_STREAM of a request without a usable authority', async () => {
    const client = await rawH2Client(under.port);
    client.send(headers(1, get('a b', '/authority')));
    await client.untilFrame(Type.RST_STREAM);
    const port = client.socket.localPort;
    expect(await under.line({ stream: 1, port })).toMatchObject({ reason: 'client_protocol_error' });
    client.close();
  });

  it('RST_STREAM of a request under way', async () => {
    const client = await rawH2Client(under.port);
    const head = headers(1, [...post('a', '/app/short'), ['content-length', '1']], END_HEADERS);
    client.send(Buffer.concat([head, frame(Type.DATA, END_STREAM, 1)]));
    await client.untilFrame(Type.RST_STREAM);
    expect(await under.line({ path: '/app/short' })).toMatchObject({
      reason: 'client_protocol_error',
      rule: 'content-length.mismatch',
    });
    client.close();
  });

  it('GOAWAY for a broken rule', async () => {
    const client = await rawH2Client(under.port);
    client.send(frame(Type.SETTINGS, 0, 0, Buffer.alloc(5)));
    await client.untilFrame(Type.GOAWAY);
    expect(await under.line({ event: 'goaway', port: client.socket.localPort })).toMatchObject({
      code: 'FRAME_SIZE_ERROR',
      reason: 'client_protocol_error',
      rule: 'settings.length',
      rfc: '9113 6.5',
    });
  });

  it('GOAWAY for an exceeded limit', async () => {
    const client = await rawH2Client(under.port);
    const continuations = Array.from({ length: 40 }, () => frame(Type.CONTINUATION, 0, 1));
    client.send(Buffer.concat([frame(Type.HEADERS, 0, 1), ...continuations]));
    await client.untilFrame(Type.GOAWAY);
    expect(await under.line({ event: 'goaway', port: client.socket.localPort })).toMatchObject({
      code: 'ENHANCE_YOUR_CALM',
      reason: 'client_over_limit',
      rule: 'continuation.too-many',
    });
  });

  it('GOAWAY of a connection that has served its requests', async () => {
    const events: ConnectionEvent[] = [];
    const records = { write: () => {}, event: (event: ConnectionEvent) => void events.push(event) };
    const harness = await Harness.start(exchange => exchange.answer(200, 'ok'), {
      records,
      limits: { maxRequestsPerConnection: 2 },
    });
    const client = await rawH2Client(harness.port);
    client.send(Buffer.concat([headers(1, get('a')), headers(3, get('a'))]));
    await client.untilFrame(Type.GOAWAY);
    expect(events).toMatchObject([
      { what: 'goaway', reason: { code: 'connection_retired', rule: 'connection.requests', h2Code: 0 } },
    ]);
    await harness.stop();
  });
});

test('every reason has a status, a meaning and an action', () => {
  for (const code of REASON_CODES) {
    const { status, means, action } = REASONS[code];
    expect(status, code).toBeGreaterThanOrEqual(200);
    expect(means.length * action.length, code).toBeGreaterThan(0);
    expect(reason(code, '').rule, code).toMatch(/^[a-z-]+$/);
  }
});
