/**
 * Every reason, provoked in a whole gateway: whatever it answers, resets or gives up by itself names the same reason in the
 * access log, the metrics, the inspector, and the response where there is one.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type LogEvent, parseLog } from '@glassway/inspector-protocol';
import { freePort } from '@glassway/interop/peers/free-port.mjs';
import { DevelopmentCa } from '@glassway/tls-alpn';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT_POOL, type PoolSettings } from '../src/config/pool-settings.ts';
import { DEFAULT_SETTINGS } from '../src/config/settings.ts';
import { REASON_CODES, type ReasonCode } from '../src/exchange/reason.ts';
import { connectViewer, type ViewerClient } from '../src/recording/viewer-client.ts';
import { type LogLine, TestGateway } from './support/gateway.ts';
import {
  CANCEL,
  data,
  END_HEADERS,
  END_STREAM,
  type Fields,
  FrameReader,
  frame,
  get,
  headers,
  PREFACE,
  post,
  rstStream,
  settings,
  Type,
} from './support/h2-frames.ts';
import { type RawClient, type RawH2Client, rawClient, rawH2Client, rawTlsClient } from './support/raw-client.ts';

/** A backend: what it does with a connection, and how its pool differs. */
interface Script {
  readonly scheme?: string;
  /** Absent: nobody listens at `url`. */
  readonly serve?: (socket: Socket) => void;
  readonly url?: string;
  readonly pool?: Partial<Omit<PoolSettings, 'timeouts'>> & { timeouts?: Partial<PoolSettings['timeouts']> };
}

const silent = (): void => {};
const answering = (text: string) => (socket: Socket) => void socket.on('data', () => socket.write(text));
const dripping = (head: string, drop: string) => (socket: Socket) => {
  socket.once('data', () => {
    socket.write(head);
    const timer = setInterval(() => socket.write(drop), 5);
    socket.once('close', () => clearInterval(timer));
  });
};
/** A backend of HTTP/2 that says so whenever it sees a request. */
const onHeaders = (says: (stream: number) => Buffer) => (socket: Socket) => {
  socket.write(settings());
  let skip = PREFACE.length;
  const reader = new FrameReader();
  socket.on('data', chunk => {
    const from = Math.min(skip, chunk.length);
    skip -= from;
    const frames = reader.read((chunk as Buffer).subarray(from));
    for (const { type, streamId } of frames) if (type === Type.HEADERS) socket.write(says(streamId));
  });
};

const SCRIPTS: Readonly<Record<string, Script>> = {
  hold: { serve: silent },
  early: { serve: answering('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok') },
  large: { serve: socket => void socket.once('data', () => socket.write(large())) },
  backend_refused: { url: 'http://127.0.0.1:1' },
  backend_unreachable: { url: 'http://255.255.255.255:9' },
  backend_connect_timeout: { scheme: 'https', serve: silent, pool: { timeouts: { connectMs: 100 } } },
  backend_first_byte_timeout: { serve: silent, pool: { timeouts: { firstByteMs: 100 } } },
  backend_idle_timeout: {
    serve: answering('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nx'),
    pool: { timeouts: { idleMs: 100 } },
  },
  backend_progress_timeout: {
    serve: dripping('HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n', 'x'),
    pool: { timeouts: { progressMs: 100 } },
  },
  backend_total_timeout: {
    serve: dripping('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n', '1\r\nx\r\n'),
    pool: { timeouts: { totalMs: 500 } },
  },
  backend_closed: { serve: socket => void socket.once('data', () => socket.end()) },
  backend_reset: { serve: socket => void socket.once('data', () => socket.resetAndDestroy()) },
  backend_refused_stream: { scheme: 'h2c', serve: onHeaders(stream => rstStream(stream, 7)) },
  // It has not seen any.
  backend_going_away: { scheme: 'h2c', serve: onHeaders(() => frame(Type.GOAWAY, 0, 0, Buffer.alloc(8))) },
  backend_protocol_error: { serve: answering('HTTP/1.1 200 OK\r\nno field\r\n\r\n') },
  backend_queue_full: { serve: silent, pool: { maxInFlight: 1, maxQueued: 0 } },
  backend_queue_timeout: { serve: silent, pool: { maxInFlight: 1, timeouts: { queueMs: 100 } } },
  backend_tls_failed: { scheme: 'https', serve: answering('HTTP/1.1 400 Bad Request\r\n\r\n') },
};

/** More than all buffers between a backend and a client hold. */
const large = (): Buffer =>
  Buffer.concat([Buffer.from('HTTP/1.1 200 OK\r\ncontent-length: 50000000\r\n\r\n'), Buffer.alloc(50_000_000)]);

let directory: string;
let under: TestGateway;
let viewer: ViewerClient;
const events: LogEvent[] = [];
const servers: Server[] = [];
const sockets = new Set<Socket>();
/** Ports of clients, which a socket that is closed does not know any more. */
const ports = new Map<RawClient, number>();
const seen = new Set<ReasonCode>();

async function started({ scheme = 'http', serve, url }: Script): Promise<string> {
  if (serve === undefined) return url!;
  const server = createServer(socket => {
    sockets.add(socket);
    socket.on('error', () => {});
    serve(socket);
  });
  servers.push(server);
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'glassway-reasons-'));
  const { cert, key } = await (await DevelopmentCa.open({ directory })).issue({ names: ['localhost'] });
  await writeFile(join(directory, 'cert.pem'), cert);
  await writeFile(join(directory, 'key.pem'), key);
  const [http, inspector] = [await freePort(), await freePort()];
  const backends: Record<string, PoolSettings> = {};
  for (const [name, script] of Object.entries(SCRIPTS)) {
    const timeouts = { ...DEFAULT_POOL.timeouts, ...script.pool?.timeouts };
    backends[name] = {
      ...DEFAULT_POOL,
      ...script.pool,
      targets: [{ url: await started(script), weight: 1 }],
      timeouts,
    };
  }
  under = await TestGateway.start([], {
    http: { host: '127.0.0.1', port: http },
    https: { host: '127.0.0.1', port: 0 },
    inspector: { host: '127.0.0.1', port: inspector },
    cert: join(directory, 'cert.pem'),
    key: join(directory, 'key.pem'),
    reasonHeader: 'glassway-reason',
    backends,
    routes: [
      { prefix: '/admin_target', to: [`http://127.0.0.1:${inspector}`] },
      { prefix: '/loop_detected', to: [`http://127.0.0.1:${http}`] },
      ...Object.keys(SCRIPTS).map(name => ({ prefix: `/${name}`, to: [name] })),
    ],
    limits: {
      ...DEFAULT_SETTINGS.limits,
      checkIntervalMs: 20,
      headersTimeoutMs: 1000,
      bodyTimeoutMs: 200,
      writeStallTimeoutMs: 200,
      lingerTimeoutMs: 200,
      maxRequestsPerConnection: 3,
      strictAuthority: true,
    },
  });
  let watching: () => void = () => {};
  const isWatching = new Promise<void>(resolve => (watching = resolve));
  viewer = connectViewer(under.gateway.inspectorUrl!, {
    onHello: () => ({ type: 'subscribe', id: 1, frames: null, fields: null, events: true, payloads: null, backlog: 0 }),
    onText: message => {
      if (message.type === 'snapshot') watching();
    },
    onLog: octets => {
      const message = parseLog(octets.buffer as ArrayBuffer);
      if (message.type === 'events') events.push(...message.events);
    },
    onFrames: () => {},
  });
  await isWatching;
});
afterAll(async () => {
  viewer.close();
  await under.stop();
  for (const client of ports.keys()) client.close();
  for (const socket of sockets) socket.destroy();
  for (const server of servers) server.close();
  await rm(directory, { recursive: true, force: true });
});

function counted(code: ReasonCode): number {
  const family = under.gateway.metrics().find(({ name }) => name === 'glassway_reasons_total');
  const samples = family?.samples.filter(({ labels }) => labels['reason'] === code) ?? [];
  return samples.reduce((sum, { value }) => sum + value, 0);
}

/** Whether the inspector says it of a connection or one of its streams. */
function tells(event: LogEvent, { conn, reason, rule }: LogLine): boolean {
  if (event.connection !== conn) return false;
  // What the client did is told as what it did.
  if (event.kind === 'reset') return reason === 'client_reset' && event.initiator === 'remote';
  const why = event.kind === 'reasoned' || event.kind === 'connection-closed' ? event.reason : null;
  return why?.code === reason && why?.rule === rule;
}

/** Provokes a reason on a connection of its own, and finds it everywhere. */
async function expectEverywhere(code: ReasonCode, act: () => Promise<RawClient>): Promise<void> {
  const before = counted(code);
  const client = await act();
  // A request that went through the gateway twice was refused on a connection of its own.
  const where = code === 'loop_detected' ? {} : { port: ports.get(client) };
  const line = await under.line({ reason: code, ...where });
  expect(counted(code)).toBeGreaterThan(before);
  await expect.poll(() => events.some(event => tells(event, line))).toBe(true);
  seen.add(code);
}

function kept<Client extends RawClient>(client: Client): Client {
  ports.set(client, client.socket.localPort!);
  return client;
}

async function http1(text: string): Promise<RawClient> {
  const client = kept(await rawClient(under.port));
  return client.send(text.replaceAll('\n', '\r\n'));
}

async function http2(...frames: Buffer[]): Promise<RawH2Client> {
  const client = kept(await rawH2Client(under.port));
  return client.send(Buffer.concat(frames)) as RawH2Client;
}

const GET = (path: string): string => `GET ${path} HTTP/1.1\nhost: a\n\n`;

/** The response of the gateway's own names it, too. */
async function answered1(code: ReasonCode, client: RawClient): Promise<RawClient> {
  await client.untilText('\r\n\r\n');
  expect(client.text).toContain(`\r\nglassway-reason: ${code};rule="`);
  return client;
}
async function answered2(code: ReasonCode, client: RawH2Client, stream = 1): Promise<RawH2Client> {
  await client.until('the answer', () => client.response(stream).head !== null);
  expect(client.response(stream).head).toContainEqual(['glassway-reason', expect.stringMatching(`^${code};rule="`)]);
  return client;
}

const ANSWERED: readonly ReasonCode[] = [
  'backend_refused',
  'backend_unreachable',
  'backend_connect_timeout',
  'backend_first_byte_timeout',
  'backend_closed',
  'backend_reset',
  'backend_refused_stream',
  'backend_going_away',
  'backend_protocol_error',
  'backend_tls_failed',
  'admin_target',
  'loop_detected',
  'no_route',
];
const CUT: readonly ReasonCode[] = ['backend_idle_timeout', 'backend_progress_timeout', 'backend_total_timeout'];

describe('a response of the gateway', () => {
  it.each(ANSWERED)('%s, HTTP/1.1', code =>
    expectEverywhere(code, async () => answered1(code, await http1(GET(`/${code}`)))),
  );

  it.each(ANSWERED)('%s, HTTP/2', code =>
    expectEverywhere(code, async () => answered2(code, await http2(headers(1, get('a', `/${code}`))))),
  );

  it.each(['backend_queue_full', 'backend_queue_timeout'] as const)('%s', async code => {
    const holder = await http1(GET(`/${code}`));
    await expect.poll(() => under.gateway.requests().some(({ url }) => url.endsWith(code))).toBe(true);
    await expectEverywhere(code, async () => answered2(code, await http2(headers(1, get('a', `/${code}`)))));
    await expectEverywhere(code, async () => answered1(code, await http1(GET(`/${code}`))));
    holder.close();
  });

  it('request_rejected, HTTP/1.1', () =>
    expectEverywhere('request_rejected', async () =>
      answered1('request_rejected', await http1('GET / HTTP/1.1\nhost: a\nhost: b\n\n')),
    ));

  it('request_rejected, HTTP/2', () =>
    expectEverywhere('request_rejected', async () =>
      answered2('request_rejected', await http2(headers(1, get('a', '/', 'https')))),
    ));

  it('request_too_large', () =>
    expectEverywhere('request_too_large', async () =>
      answered1('request_too_large', await http1(`GET / HTTP/1.1\nhost: a\nx: ${'y'.repeat(70_000)}\n\n`)),
    ));

  it('connect_refused, HTTP/1.1', () =>
    expectEverywhere('connect_refused', async () =>
      answered1('connect_refused', await http1('CONNECT a:1 HTTP/1.1\nhost: a:1\n\n')),
    ));

  it('connect_refused, HTTP/2', () => {
    const fields: Fields = [
      [':method', 'CONNECT'],
      [':authority', 'a:1'],
    ];
    return expectEverywhere('connect_refused', async () =>
      answered2('connect_refused', await http2(headers(1, fields, END_HEADERS))),
    );
  });

  it('misdirected_request', () =>
    expectEverywhere('misdirected_request', async () => {
      const { port } = under.gateway.https as { port: number };
      const client = kept(await rawTlsClient(port, ['h2'], { servername: 'localhost' }));
      client.hello().send(headers(1, get('elsewhere.test', '/', 'https')));
      return answered2('misdirected_request', client);
    }));

  it('client_protocol_error to what is no HTTP', () =>
    expectEverywhere('client_protocol_error', async () => answered1('client_protocol_error', await http1('BLAH\n\n'))));

  it('client_header_timeout', () =>
    expectEverywhere('client_header_timeout', async () =>
      answered1('client_header_timeout', await http1('GET / HTTP/1.1\nhos')),
    ));

  it('client_body_timeout', () =>
    expectEverywhere('client_body_timeout', async () =>
      answered1('client_body_timeout', await http1('POST /hold HTTP/1.1\nhost: a\ncontent-length: 9\n\nx')),
    ));

  it('overloaded', async () => {
    // Its window is closed: what the backend has sent is held for it.
    const slow = await rawH2Client(under.port);
    slow.send(Buffer.concat([settings([4, 0]), headers(1, get('a', '/large'))]));
    await slow.until('the head', () => slow.response(1).head !== null);
    const { limits } = under.gateway.settings;
    await under.gateway.reload({ ...under.gateway.settings, limits: { ...limits, maxBufferedBytes: 1 } });
    await expectEverywhere('overloaded', async () => answered1('overloaded', await http1(GET('/hold'))));
    await under.gateway.reload({ ...under.gateway.settings, limits });
    slow.close();
  });
});

describe('what the gateway cuts off', () => {
  it.each(CUT)('%s, HTTP/1.1', code =>
    expectEverywhere(code, async () => {
      const client = await http1(GET(`/${code}`));
      await client.untilEnd();
      return client;
    }),
  );

  it.each(CUT)('%s, HTTP/2', code =>
    expectEverywhere(code, async () => {
      const client = await http2(headers(1, get('a', `/${code}`)));
      await client.untilReset(1);
      return client;
    }),
  );

  it('client_protocol_error, RST_STREAM', () =>
    expectEverywhere('client_protocol_error', async () => {
      const client = await http2(headers(1, [...get('a'), ['Upper', 'x']]));
      await client.untilReset(1);
      return client;
    }));

  it('client_over_limit, GOAWAY', () =>
    expectEverywhere('client_over_limit', async () => {
      const flood = Array.from({ length: 40 }, () => frame(Type.CONTINUATION, 0, 1));
      const client = await http2(frame(Type.HEADERS, 0, 1), ...flood);
      await client.untilGoAway();
      return client;
    }));

  it('client_write_timeout', () =>
    expectEverywhere('client_write_timeout', async () => {
      const client = await http1(GET('/large'));
      client.socket.pause();
      return client;
    }));

  it('upload_stopped, RST_STREAM(NO_ERROR)', () =>
    expectEverywhere('upload_stopped', async () => {
      const client = await http2(headers(1, post('a', '/early'), END_HEADERS), data(1, 'x'));
      await client.untilReset(1);
      return client;
    }));

  it('connection_retired, GOAWAY', () =>
    expectEverywhere('connection_retired', async () => {
      const client = await http2(...[1, 3, 5].map(id => headers(id, get('a', '/no_route'))));
      await client.untilGoAway();
      return client;
    }));
});

describe('who gives up', () => {
  const underWay = (): Promise<void> =>
    expect.poll(() => under.gateway.requests().filter(({ url }) => url.endsWith('/hold')).length).toBeGreaterThan(0);

  it('client_reset', () =>
    expectEverywhere('client_reset', async () => {
      const client = await http2(headers(1, get('a', '/hold')));
      await underWay();
      return client.send(rstStream(1, CANCEL));
    }));

  it('client_closed', () =>
    expectEverywhere('client_closed', async () => {
      const client = await http1(GET('/hold'));
      await underWay();
      client.close();
      return client;
    }));
});

it('shutting_down: a stream that comes after the last GOAWAY', async () => {
  const client = await http2(headers(1, get('a', '/hold')));
  await expect.poll(() => under.gateway.requests().length).toBe(1);
  const closed = under.gateway.close(60_000);
  await expectEverywhere('shutting_down', async () => {
    const ping = await client.untilFrame(Type.PING);
    client.send(frame(Type.PING, 1, 0, ping.payload));
    await client.until('both GOAWAY', () => client.frames.filter(({ type }) => type === Type.GOAWAY).length === 2);
    client.send(headers(3, get('a', '/hold'), END_HEADERS | END_STREAM));
    await client.untilReset(3);
    return client;
  });
  client.close();
  await closed;
});

it('there is no other reason', () => {
  expect(REASON_CODES.filter(code => !seen.has(code))).toEqual([]);
});
