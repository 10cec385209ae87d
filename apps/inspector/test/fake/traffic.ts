/** What happens in the made-up gateway: a stalled video client, a healthy gRPC client, a busy one, and much coming and going. */
import type { ConnectionFacts } from '@glassway/inspector-protocol';
import type { FakeConnection, Line, World } from './world.ts';

const TLS: ConnectionFacts['tls'] = { version: 'TLSv1.3', cipher: 'TLS_AES_128_GCM_SHA256', servername: 'localhost' };
const OURS = [
  [1, 4096],
  [2, 0],
  [3, 100],
  [4, 262_144],
  [6, 65_536],
  [8, 1],
  [9, 1],
] as const;
const BROWSER = [
  [1, 65_536],
  [2, 0],
  [4, 131_072],
  [6, 262_144],
] as const;
const CHUNK = 16_384;
const TICK_MS = 20;

/** Starts traffic with about `rate` frames per second on the busy connection; returns what stops it. */
export function startTraffic(world: World, rate: number): () => void {
  const steps = [video(world), grpc(world), churn(world), busy(world, rate)];
  const timer = setInterval(() => {
    for (const step of steps) step();
  }, TICK_MS);
  return () => clearInterval(timer);
}

function get(path: string, more: readonly Line[] = [], authority = 'localhost:8443'): Line[] {
  return [
    [':method', 'GET', 0, 2],
    [':scheme', 'https', 0, 7],
    [':authority', authority, 0, 62],
    [':path', path, 1, 4],
    ['user-agent', 'Mozilla/5.0 (X11; Linux x86_64) Chrome/131.0', 0, 63],
    ['accept', '*/*', 0, 64],
    ...more,
  ];
}

function answer(status: number, type: string, more: readonly Line[] = []): Line[] {
  return [
    [':status', String(status), 0, 8],
    ['content-type', type, 0, 66],
    ['server', 'media/2.4', 1],
    ['date', 'Sun, 22 Nov 2026 21:40:11 GMT', 2, 33],
    ...more,
  ];
}

/* A browser on TLS whose tab stops reading for some seconds now and then: two streams share a connection window of 0. */
function video(world: World): () => void {
  const client = world.open({ leg: 0, negotiation: 'alpn', peer: '127.0.0.1:53114', tls: TLS });
  const backend = world.open({
    leg: 1,
    negotiation: 'prior-knowledge',
    peer: '10.0.3.17:50051',
    local: '10.0.0.2:41822',
  });
  client.settings(OURS, BROWSER);
  backend.settings(OURS, [
    [3, 250],
    [4, 65_535],
  ]);
  let next = 1;
  let at = 0;
  const legs = new Map<number, number>();
  const left = new Map<number, number>();
  const fetch = (path: string, type: string, size: number, status = 200, more: readonly Line[] = []): number => {
    const stream = next;
    next += 2;
    client.request(stream, get(path, more));
    backend.request(stream, get(path, [], 'media.internal'));
    client.pair(stream, backend, stream);
    legs.set(stream, stream);
    backend.respond(stream, answer(status, type), size === 0);
    client.respond(
      stream,
      answer(status, type, [['set-cookie', 'sid=0123456789abcdef; HttpOnly; Secure']]),
      size === 0,
    );
    if (size > 0) left.set(stream, size);
    return stream;
  };
  fetch('/', 'text/html', 3_100);
  fetch('/assets/app.css', 'text/css', 18_000);
  return () => {
    at++;
    const reading = at % 700 < 330;
    if (at === 10)
      fetch('/video/seg-041.m4s', 'video/mp4', 42_000_000, 200, [['cookie', 'sid=0123456789abcdef; theme=dark']]);
    if (at === 30) fetch('/video/seg-042.m4s', 'video/mp4', 38_000_000);
    if (at === 60) fetch('/assets/‮gpj.exe', 'application/octet-stream', 4_200);
    if (at === 80) {
      const stream = fetch('/api/cart', 'application/json', 60_000);
      client.reset(0, stream, 8);
      left.delete(stream);
      backend.reset(1, stream, 8, 'the client reset its stream');
    }
    if (at === 90) fetch('/favicon.ico', 'text/plain', 0, 404);
    if (at === 110) {
      client.request(next, get('/api/search?q=frame&sort=new'));
      backend.request(next, get('/api/search?q=frame&sort=new', [], 'search.internal'));
      client.pair(next, backend, next);
      next += 2;
    }
    if (at === 130) client.request(next, [[':method', 'PUT', 1, 2], ...get('/upload/trace.bin').slice(1)], false);
    if (at > 130 && at % 9 === 0 && at < 2000) {
      client.data(0, next, 12_288);
      if (at % 27 === 0) client.grant(1, next, 36_864);
      if (at % 27 === 0) client.grant(1, 0, 36_864);
    }
    if (at % 150 === 40) client.ping(380 + Math.round(Math.random() * 900));
    if (at % 400 === 90 && at > 200 && reading)
      fetch(`/assets/chunk-${at.toString(36)}.js`, 'text/javascript', 9_000 + (at % 7) * 4_000);
    pump(client, backend, left, legs, reading, at);
  };
}

function pump(
  client: FakeConnection,
  backend: FakeConnection,
  left: Map<number, number>,
  legs: ReadonlyMap<number, number>,
  reading: boolean,
  at: number,
): void {
  for (const [stream, size] of left) {
    const room = Math.min(CHUNK, size, client.state.sendWindow, client.streams.get(stream)!.state.sendWindow);
    if (room <= 0) {
      client.block(stream, client.state.sendWindow <= 0 ? 1 : 2, Math.min(size, 262_144));
      backend.withhold(legs.get(stream)!, Math.min(size, 65_536));
      continue;
    }
    client.block(stream, 0, 0);
    backend.withhold(legs.get(stream)!, 0);
    if (at % 3 !== stream % 3 && size > CHUNK) continue;
    backend.data(0, legs.get(stream)!, room, room === size);
    if (backend.state.receiveWindow < 500_000) backend.grant(1, 0, 524_288);
    backend.grant(1, legs.get(stream)!, room);
    client.data(1, stream, room, room === size);
    if (room === size) left.delete(stream);
    else left.set(stream, size - room);
  }
  if (!reading) return;
  if (at % 8 === 0 && client.state.sendWindow < 40_000)
    client.grant(0, 0, 65_535 - Math.max(0, client.state.sendWindow));
  for (const stream of left.keys()) {
    const row = client.streams.get(stream)!.state;
    if (row.sendWindow < 60_000) client.grant(0, stream, 65_536);
  }
}

/* A gRPC client with long-lived calls whose backend falls silent, and an HTTP/1.1 backend. */
function grpc(world: World): () => void {
  const client = world.open({ leg: 0, negotiation: 'prior-knowledge', peer: '10.1.4.9:38112', local: '10.0.0.2:8080' });
  const old = world.open({
    leg: 1,
    negotiation: 'http/1.1',
    protocol: 'http/1.1',
    peer: '10.0.3.40:8080',
    local: '10.0.0.2:55120',
  });
  client.settings(
    OURS,
    [
      [4, 4_194_304],
      [5, 16_384],
      [6, 8192],
    ],
    false,
  );
  const call = (stream: number, method: string): void => {
    const lines: Line[] = [
      [':method', 'POST', 0, 3],
      [':scheme', 'http', 0, 6],
      [':path', `/shop.v1.Orders/${method}`, 1, 4],
      [':authority', 'orders:50051', 0, 62],
      ['content-type', 'application/grpc+proto', 0, 65],
      ['te', 'trailers', 0, 66],
      ['authorization', 'Bearer eyJhbGciOiJSUzI1NiJ9.e30', 3],
      ['x-request-id', `7f3a-${stream}`, 1],
    ];
    client.request(stream, lines, false);
    client.data(0, stream, 61, true);
    client.respond(stream, [
      [':status', '200', 0, 8],
      ['content-type', 'application/grpc+proto', 0, 65],
    ]);
    client.data(1, stream, 214);
  };
  let at = 0;
  let stream = 1;
  call(stream, 'Watch');
  return () => {
    at++;
    if (at % 50 === 0) {
      stream += 2;
      call(stream, 'Get');
      client.respond(
        stream,
        [
          ['grpc-status', stream % 9 === 0 ? '5' : '0', 1],
          ['grpc-message', stream % 9 === 0 ? 'no such order' : '', 2],
        ],
        true,
        3,
      );
    }
    if (at % 220 < 120 && at % 30 === 0) client.data(1, 1, 180 + (at % 90));
    if (at % 300 === 0) client.ping(1_150 + Math.round(Math.random() * 400));
    if (at === 40) {
      old.request(1, [
        [':method', 'GET', 4],
        [':scheme', 'http', 4],
        [':authority', 'legacy:8080', 4],
        [':path', '/report.csv', 4],
      ]);
    }
  };
}

/* Short visits, some of which end badly, and one connection that drains. */
function churn(world: World): () => void {
  const draining = world.open({ leg: 0, negotiation: 'alpn', peer: '[::1]:52990', tls: TLS });
  draining.settings(OURS, BROWSER);
  draining.request(1, get('/events'));
  draining.respond(1, answer(200, 'text/event-stream'));
  draining.goAway(1, 0, 'gateway is shutting down');
  let at = 0;
  const visits: FakeConnection[] = [];
  return () => {
    at++;
    if (at % 40 === 0) draining.data(1, 1, 48);
    if (at % 90 === 5) {
      const visit = world.open({
        leg: 0,
        negotiation: at % 180 === 5 ? 'upgrade' : 'alpn',
        peer: `192.0.2.${at % 250}:${40_000 + at}`,
        tls: at % 180 === 5 ? null : TLS,
      });
      visit.settings(OURS, BROWSER);
      for (let stream = 1; stream < 8; stream += 2) {
        visit.request(stream, get(`/page/${at}?part=${stream}`));
        visit.respond(stream, answer(stream === 7 ? 503 : 200, 'text/html'));
        visit.data(1, stream, 2_000 + stream * 300, true);
      }
      visits.push(visit);
    }
    if (at % 90 === 70) {
      const visit = visits.shift();
      if (visit === undefined) return;
      if (at % 270 === 70) {
        visit.violation('data.window', '9113 6.9.1', 7, 'DATA of 16384 octets on a stream whose window is 12000');
        visit.goAway(1, 3, 'data.window');
        visit.close({
          code: 'client_protocol_error',
          text: 'The client sent more DATA than stream 7’s window allows.',
          rfc: '9113 6.9.1',
        });
      } else visit.close();
    }
  };
}

/* One connection with as many frames as asked for. */
function busy(world: World, rate: number): () => void {
  if (rate <= 0) return () => {};
  const client = world.open({ leg: 0, negotiation: 'alpn', peer: '127.0.0.1:41000', tls: TLS });
  client.settings(OURS, [
    [3, 1000],
    [4, 1_048_576],
  ]);
  client.grant(0, 0, 16_000_000);
  let stream = 1;
  let debt = 0;
  return () => {
    debt += (rate * TICK_MS) / 1000;
    while (debt > 0) {
      client.request(stream, get(`/load/${stream % 97}`));
      client.respond(stream, answer(200, 'application/octet-stream'));
      const parts = 2 + (stream % 5);
      for (let part = 0; part < parts; part++) client.data(1, stream, 1_400, part === parts - 1);
      client.grant(0, 0, parts * 1_400);
      debt -= parts + 3;
      stream += 2;
      // Only the newest streams are kept, or the snapshot of a long run would not end.
      if (client.streams.size > 400) client.streams.delete(stream - 800);
    }
  };
}
