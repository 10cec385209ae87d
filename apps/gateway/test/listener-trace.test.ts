/** What the inspector is told of client connections: each opening has its closing, each request its end. */
import { afterEach, expect, it } from 'vitest';
import { NO_TRACE, type Trace } from '../src/trace/trace.ts';
import { get, headers, PREFACE, settings } from './support/h2-frames.ts';
import { RawH2Client, rawClient } from './support/raw-client.ts';
import { type Behaviour, Harness } from './support/recorder.ts';

let harness: Harness;
let told: string[];

const trace: Trace = {
  ...NO_TRACE,
  connectionOpened: ({ protocol, negotiation }) => {
    told.push(`open ${protocol} ${negotiation}`);
    return told.filter(line => line.startsWith('open')).length;
  },
  connectionClosed: (id, why) => void told.push(`close ${id} ${why?.code ?? 'clean'}`),
  http1Request: (id, ordinal, method, target) => void told.push(`request ${id}.${ordinal} ${method} ${target}`),
  http1Response: (id, ordinal, status) => void told.push(`response ${id}.${ordinal} ${status}`),
  http1Body: (id, ordinal, direction, bytes) => void told.push(`body ${id}.${ordinal} ${'<>'[direction]} ${bytes}`),
  http1End: (id, ordinal, why) => void told.push(`end ${id}.${ordinal} ${why?.code ?? 'clean'}`),
  reasoned: (id, ordinal, why) => void told.push(`reason ${id}.${ordinal} ${why.code}`),
};

const echo: Behaviour = exchange => {
  if (exchange.complete) exchange.answer(200, 'none', ['content-length', '4']);
  exchange.hooks.onBody = (_, end) => end && exchange.answer(200, exchange.body.toString(), ['content-length', '3']);
};

/** Until so many connections were told to be closed. */
const closings = (count: number): Promise<void> =>
  expect.poll(() => told.filter(line => line.startsWith('close')).length).toBe(count);

/** Sends the octets, waits until the server's side has ended if `ends`, closes, and answers what the trace was told. */
async function toldOf(octets: string, ready: (text: string) => boolean, limits: object = {}): Promise<string[]> {
  told = [];
  harness = await Harness.start(echo, { trace, limits });
  const client = await rawClient(harness.port);
  client.send(octets);
  await client.until('the answer', () => ready(client.text));
  client.close();
  await closings(1);
  return told;
}

afterEach(() => harness.stop());

it('requests on one connection', async () => {
  const octets = 'POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET /2 HTTP/1.1\r\nHost: a\r\n\r\n';
  expect(await toldOf(octets, text => text.endsWith('none'))).toEqual([
    'open http/1.1 http/1.1',
    'request 1.1 POST /1',
    'body 1.1 < 3',
    'response 1.1 200',
    'body 1.1 > 3',
    'end 1.1 clean',
    'request 1.2 GET /2',
    'response 1.2 200',
    'body 1.2 > 4',
    'end 1.2 clean',
    'close 1 clean',
  ]);
});

it('a request that is refused', async () => {
  expect(await toldOf('GET / HTTP/1.1\r\n\r\n', text => text.includes('no host'))).toEqual([
    'open http/1.1 http/1.1',
    'request 1.1 GET /',
    'response 1.1 400',
    'reason 1.1 request_rejected',
    'end 1.1 request_rejected',
    'close 1 request_rejected',
  ]);
});

it('octets that are no request', async () => {
  expect(await toldOf('nonsense\r\n\r\n', text => text.includes('400'))).toEqual([
    'open http/1.1 http/1.1',
    'reason 1.0 client_protocol_error',
    'close 1 client_protocol_error',
  ]);
});

it('a body that breaks off in nonsense', async () => {
  const octets = 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nnonsense\r\n';
  expect(await toldOf(octets, text => text.includes('400'))).toEqual([
    'open http/1.1 http/1.1',
    'request 1.1 POST /',
    'response 1.1 400',
    'reason 1.1 client_protocol_error',
    'end 1.1 client_protocol_error',
    'close 1 client_protocol_error',
  ]);
});

it('a head that does not come', async () => {
  const limits = { headersTimeoutMs: 50, checkIntervalMs: 10 };
  expect(await toldOf('GET / HTTP/1.1\r\n', text => text.includes('408'), limits)).toEqual([
    'open http/1.1 http/1.1',
    'reason 1.0 client_header_timeout',
    'close 1 client_header_timeout',
  ]);
});

it('an Upgrade to h2c closes one connection and opens another', async () => {
  told = [];
  harness = await Harness.start(echo, { trace });
  const { socket } = await rawClient(harness.port);
  const client = new RawH2Client(
    socket,
    'HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: h2c\r\n\r\n'.length,
  );
  client.send(
    'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: \r\n\r\n',
  );
  client.send(Buffer.concat([PREFACE, settings()]));
  await client.untilResponse(1);
  client.close();
  await closings(2);
  expect(told).toEqual([
    'open http/1.1 http/1.1',
    'request 1.1 GET /',
    'end 1.1 clean',
    'close 1 clean',
    'open h2 upgrade',
    'close 2 clean',
  ]);
});

it('a refused HTTP/2 request', async () => {
  told = [];
  harness = await Harness.start(echo, { trace });
  const { socket } = await rawClient(harness.port);
  const client = new RawH2Client(socket).hello();
  client.send(headers(1, get('a', '/', 'https')));
  await client.untilResponse(1);
  expect(told).toEqual(['open h2 prior-knowledge', 'reason 1.1 request_rejected']);
  client.close();
});
