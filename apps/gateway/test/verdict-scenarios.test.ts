/**
 * Every verdict, and everything that looks like one and is none, between a real core on the gateway's side and a peer whose
 * octets are written by hand, on a clock that the test moves. `verdict-wire.test.ts` does the same over sockets.
 */
import { isStuck } from '@glassway/inspector-protocol';
import { describe, expect, it } from 'vitest';
import {
  block,
  data,
  END_HEADERS,
  END_STREAM,
  frame,
  get,
  headers,
  post,
  settings,
  Type,
  windowUpdate,
} from './support/h2-frames.ts';
import { type End, Scene } from './verdict-scene.ts';

const INITIAL_WINDOW_SIZE = 4;
const PADDED = 0x8;
const KB = 1000;

describe('octets to send', () => {
  it('SESSION_SEND_WINDOW: names who holds the connection’s window, on every stream that waits for it', () => {
    const scene = new Scene();
    const client = scene.client([[INITIAL_WINDOW_SIZE, 1_000_000]]);
    client.receive(headers(1, get('a')), headers(3, get('a')));
    client.write(client.respond(1), 60 * KB);
    client.write(client.respond(3), 50 * KB);
    scene.wait(240);
    expect(scene.verdict(client, 3)).toBeNull();
    scene.wait(1000);
    expect(scene.verdict(client, 3)).toMatchObject({
      code: 'SESSION_SEND_WINDOW',
      tone: 'bad',
      rfc: '9113 6.9.1',
      bytes: 44_465,
    });
    expect(scene.text(client, 3)).toBe(
      'Stream 3 has 44.5 KB to send, but connection 1’s window is 0 since 1.2 s. Streams 1 and 3 hold 65.5 KB that the client has not returned.',
    );
    client.receive(windowUpdate(0, 100_000));
    scene.wait(0);
    expect(isStuck(scene.verdict(client, 3))).toBe(false);
    expect(scene.viewer.rows().streamStates.get(`${client.id}:3`)?.blockedConnectionUs).toBe(1_240_000);
  });

  it('SESSION_SEND_WINDOW is also the verdict on a stream that was in line when another took the rest', () => {
    const scene = new Scene();
    const client = scene.client([[INITIAL_WINDOW_SIZE, 1_000_000]]);
    client.receive(headers(1, [...get('a'), ['priority', 'u=0']]), headers(3, get('a')));
    const [first, second] = [client.respond(1), client.respond(3)];
    client.core.write(first, new Uint8Array(200 * KB), false);
    client.core.write(second, new Uint8Array(10 * KB), false);
    client.core.takeOutput();
    scene.wait(300);
    for (const stream of [1, 3]) expect(scene.verdict(client, stream)?.code).toBe('SESSION_SEND_WINDOW');
  });

  it('STREAM_SEND_WINDOW: says how long ago the last grant was', () => {
    const scene = new Scene();
    const client = scene.client([[INITIAL_WINDOW_SIZE, 100]]);
    client.receive(headers(1, get('a')));
    client.write(client.respond(1), 5 * KB);
    scene.wait(400);
    expect(scene.text(client)).toBe(
      'Stream 1 has 4.9 KB to send, but its own window is 0 since 400 ms. No WINDOW_UPDATE ever came for it from the client.',
    );
    client.receive(windowUpdate(1, 10));
    scene.wait(600);
    expect(scene.text(client)).toContain('The last WINDOW_UPDATE for it came 600 ms ago from the client.');
    expect(scene.verdict(client)?.code).toBe('STREAM_SEND_WINDOW');
  });

  it('the connection’s window comes first when both are used up', () => {
    const scene = new Scene();
    const client = scene.client();
    client.receive(headers(1, get('a')));
    client.write(client.respond(1), 100 * KB);
    scene.wait(300);
    expect(scene.verdict(client)?.code).toBe('SESSION_SEND_WINDOW');
  });

  it('TRANSPORT: the socket is full', () => {
    const scene = new Scene();
    const client = scene.client([[INITIAL_WINDOW_SIZE, 1_000_000]]);
    client.receive(windowUpdate(0, 1_000_000), headers(1, get('a')));
    const stream = client.respond(1);
    client.core.noteTransport(false);
    client.core.write(stream, new Uint8Array(50 * KB), false);
    scene.wait(300);
    expect(scene.verdict(client)).toMatchObject({ code: 'TRANSPORT', bytes: 50 * KB });
    client.core.noteTransport(true);
    client.core.takeOutput();
    scene.wait(0);
    expect(isStuck(scene.verdict(client))).toBe(false);
    expect(scene.viewer.rows().streamStates.get(`${client.id}:1`)).toMatchObject({
      blockedTransportUs: 300_000,
      blockedSchedulerUs: 0,
    });
  });

  it('SCHEDULER: others are more urgent (RFC 9218), and the time in line is booked as such', () => {
    const scene = new Scene();
    const client = scene.client([[INITIAL_WINDOW_SIZE, 10_000_000]]);
    client.receive(windowUpdate(0, 10_000_000));
    client.receive(headers(1, [...get('a'), ['priority', 'u=0']]), headers(3, [...get('a'), ['priority', 'u=7']]));
    const [urgent, patient] = [client.respond(1), client.respond(3)];
    client.core.write(urgent, new Uint8Array(500 * KB), false);
    client.core.write(patient, new Uint8Array(20 * KB), false);
    for (let turn = 0; turn < 10; turn++) {
      client.core.takeOutput(20_000);
      scene.wait(50);
    }
    expect(scene.verdict(client, 3)).toMatchObject({ code: 'SCHEDULER', bytes: 20 * KB });
    expect(scene.text(client, 3)).toContain('other streams of connection 1 have been served first since 500 ms');
    expect(scene.verdict(client, 1)).toBeNull();
    client.core.takeOutput(10_000_000);
    scene.wait(0);
    const row = scene.viewer.rows().streamStates.get(`${client.id}:3`)!;
    expect(row).toMatchObject({ blocked: 0, blockedSchedulerUs: 500_000, blockedTransportUs: 0 });
  });

  it('no wolf: END_STREAM with a window of 0 has nothing more to send', () => {
    const scene = new Scene();
    const client = scene.client();
    client.receive(headers(1, post('a'), END_HEADERS));
    client.write(client.respond(1), 65_535, true);
    scene.wait(5000);
    expect(isStuck(scene.verdict(client))).toBe(false);
    expect(scene.verdict(client)?.code).toBe('CLIENT_IDLE');
  });

  it('no wolf: a window below zero after SETTINGS made it smaller, with nothing to send', () => {
    const scene = new Scene();
    const { client } = scene.pair();
    const stream = client.respond(1);
    client.write(stream, 10 * KB);
    client.receive(settings([INITIAL_WINDOW_SIZE, 1000]));
    expect(stream.sendWindow).toBe(-9000);
    scene.wait(2000);
    expect(scene.verdict(client)?.code).toBe('BACKEND_IDLE');
    client.write(stream, 10);
    scene.wait(300);
    expect(scene.text(client)).toContain('its own window is -9,000 since 300 ms, below zero because SETTINGS');
  });

  it('no wolf: a receiver that returns window only below half looks stuck at 51 %', () => {
    const scene = new Scene();
    const { client } = scene.pair();
    client.write(client.respond(1), 32 * KB);
    scene.wait(3000);
    expect(scene.verdict(client)).toMatchObject({ code: 'BACKEND_IDLE', upstream: true });
  });

  it('no wolf: a stream that trickles', () => {
    const scene = new Scene();
    const client = scene.client([[INITIAL_WINDOW_SIZE, 100]]);
    client.receive(headers(1, get('a')));
    client.write(client.respond(1), 50 * KB);
    for (let i = 0; i < 10; i++) {
      scene.wait(200);
      expect(scene.verdict(client)).toBeNull();
      client.receive(windowUpdate(1, 50));
    }
  });

  it('no wolf: a bulk transfer at the socket’s pace is in line all the time, and moves', () => {
    const scene = new Scene();
    const client = scene.client([[INITIAL_WINDOW_SIZE, 10_000_000]]);
    client.receive(windowUpdate(0, 10_000_000), headers(1, get('a')));
    const stream = client.respond(1);
    client.core.write(stream, new Uint8Array(900 * KB), false);
    for (let i = 0; i < 20; i++) {
      client.core.takeOutput(16_384);
      client.core.noteTransport(false);
      scene.wait(100);
      expect(scene.verdict(client)).toBeNull();
      client.core.noteTransport(true);
    }
  });
});

describe('not opened', () => {
  function waiting(scene: Scene): End {
    const client = scene.client();
    client.receive(headers(1, get('a')));
    scene.rig.recorder.waiting(client.id, 1, 'h2c://b:1');
    return client;
  }

  it('CONNECTING', () => {
    const scene = new Scene();
    scene.rig.recorder.backendWaits('h2c://b:1', 'connecting', 0);
    const client = waiting(scene);
    scene.wait(200);
    expect(scene.verdict(client)).toBeNull();
    scene.wait(500);
    expect(scene.text(client)).toBe(
      'Stream 1 is not on a backend yet since 700 ms: a connection to h2c://b:1 is being made.',
    );
  });

  it('MAX_CONCURRENT: says what the backend allows', () => {
    const scene = new Scene();
    const backend = scene.backend([[3, 1]]);
    backend.request();
    const client = waiting(scene);
    scene.rig.recorder.backendWaits('h2c://b:1', 'max-concurrent', backend.id);
    scene.wait(300);
    expect(scene.verdict(client)).toMatchObject({ code: 'MAX_CONCURRENT', rfc: '9113 5.1.2' });
    expect(scene.text(client)).toContain('connection 1 to h2c://b:1 has 1 of 1 stream open');
    // The obstacle goes, and then the exchange finds its place.
    scene.rig.recorder.backendWaits('h2c://b:1', 'goaway-drain', backend.id);
    scene.wait(0);
    scene.wait(200);
    expect(scene.verdict(client)?.code).toBe('GOAWAY_DRAIN');
    scene.rig.recorder.paired(client.id, 1, backend.id, 1);
    scene.wait(200);
    expect(isStuck(scene.verdict(client))).toBe(false);
    expect(scene.viewer.rows().streamStates.get(`${client.id}:1`)?.queuedUs).toBe(500_000);
  });

  it('a request that the gateway refuses while it waits is not waiting any more', () => {
    const scene = new Scene();
    const client = waiting(scene);
    const text = 'waited too long';
    scene.rig.recorder.reasoned(client.id, 1, {
      code: 'backend_queue_timeout',
      text,
      status: 503,
      h2Code: 2,
      rfc: '',
      retryable: false,
    } as never);
    scene.wait(300);
    expect(scene.verdict(client)?.code).not.toBe('CONNECTING');
  });
});

describe('octets to receive', () => {
  it('BACKEND_IDLE, on its own leg and through the client’s', () => {
    const scene = new Scene();
    const { client, backend } = scene.pair();
    scene.wait(300);
    expect(scene.verdict(backend)).toMatchObject({ code: 'BACKEND_IDLE', tone: 'quiet', upstream: false });
    scene.wait(1000);
    expect(scene.verdict(backend)).toMatchObject({ code: 'BACKEND_IDLE', tone: 'warn' });
    expect(scene.verdict(client)).toMatchObject({ code: 'BACKEND_IDLE', tone: 'warn', upstream: true });
    expect(scene.text(client)).toBe(
      'Stream 1 waits for the backend. On connection 2: Stream 1: the backend has not answered since 1.3 s.',
    );
  });

  it('LOCAL_BACKPRESSURE: names the other leg and its cause', () => {
    const scene = new Scene();
    const { client, backend } = scene.pair([[INITIAL_WINDOW_SIZE, 100]]);
    backend.releases = false;
    backend.receive(headers(1, [[':status', '200']], END_HEADERS), data(1, new Uint8Array(9000)));
    client.write(client.respond(1), 9000);
    scene.wait(300);
    expect(scene.verdict(backend)).toMatchObject({ code: 'LOCAL_BACKPRESSURE', bytes: 9000, rfc: '9113 5.2.2' });
    expect(scene.text(backend)).toMatch(
      /^The gateway holds 9 KB of window back from stream 1 since 300 ms, because stream 1 of connection 1 does not take what it received\. Stream 1 has 8\.9 KB to send, but its own window is 0/,
    );
    expect(scene.verdict(client)?.code).toBe('STREAM_SEND_WINDOW');
  });

  it('... and an upload that the backend does not take', () => {
    const scene = new Scene();
    const client = scene.client();
    const backend = scene.backend([[INITIAL_WINDOW_SIZE, 100]]);
    client.releases = false;
    client.receive(headers(1, post('a'), END_HEADERS), data(1, new Uint8Array(5000)));
    const stream = backend.request([], false);
    scene.rig.recorder.paired(client.id, 1, backend.id, stream.id);
    backend.write(stream, 5000);
    scene.wait(300);
    expect(scene.verdict(client)?.code).toBe('LOCAL_BACKPRESSURE');
    expect(scene.text(client)).toContain('Stream 1 has 4.9 KB to send, but its own window is 0');
    expect(scene.verdict(backend)?.code).toBe('STREAM_SEND_WINDOW');
  });

  it('no wolf: padding counts against windows and is nobody’s to release', () => {
    const scene = new Scene();
    const { client, backend } = scene.pair();
    backend.receive(headers(1, [[':status', '200']], END_HEADERS));
    const padded = Buffer.concat([Buffer.of(200), Buffer.alloc(100), Buffer.alloc(200)]);
    for (let i = 0; i < 20; i++) backend.receive(frame(Type.DATA, PADDED, 1, padded));
    scene.wait(2000);
    expect(scene.verdict(backend)).toMatchObject({ code: 'BACKEND_IDLE' });
    expect(scene.viewer.rows().streamStates.get(`${backend.id}:1`)?.withheldBytes).toBe(0);
    expect(scene.verdict(client)).toMatchObject({ code: 'BACKEND_IDLE', upstream: true });
  });

  it('HEADER_BLOCK_OPEN: for the stream, and for all that expect something on its connection', () => {
    const scene = new Scene();
    const { client, backend } = scene.pair();
    backend.receive(headers(1, [[':status', '200']], END_HEADERS));
    const second = backend.request();
    client.receive(headers(3, get('a')));
    scene.rig.recorder.paired(client.id, 3, backend.id, second.id);
    backend.receive(frame(Type.HEADERS, 0, second.id, block([[':status', '200']])));
    scene.wait(300);
    expect(scene.verdict(backend, second.id)).toMatchObject({ code: 'HEADER_BLOCK_OPEN', rfc: '9113 6.10' });
    expect(scene.text(backend, 1)).toContain(`Stream 1 can receive nothing: stream ${second.id}’s field section`);
    expect(scene.verdict(client, 3)).toMatchObject({ code: 'HEADER_BLOCK_OPEN', upstream: true });
    backend.receive(frame(Type.CONTINUATION, END_HEADERS, second.id, block([['x', '1']])));
    scene.wait(0);
    expect(scene.verdict(backend, second.id)).toBeNull();
  });

  it('AWAITING_TRAILERS: the whole body, or trailers announced, and no end', () => {
    const scene = new Scene();
    const { backend, client } = scene.pair();
    backend.receive(
      headers(
        1,
        [
          [':status', '200'],
          ['content-length', '10'],
        ],
        END_HEADERS,
      ),
      data(1, new Uint8Array(10)),
    );
    scene.wait(300);
    expect(scene.text(backend)).toContain('all 10 B of the body came from the backend, but not the end of the message');
    expect(scene.verdict(client)).toMatchObject({ code: 'AWAITING_TRAILERS', upstream: true });
    const second = backend.request();
    backend.receive(
      headers(
        second.id,
        [
          [':status', '200'],
          ['trailer', 'grpc-status'],
        ],
        END_HEADERS,
      ),
      data(second.id, new Uint8Array(10)),
    );
    scene.wait(1500);
    expect(scene.verdict(backend, second.id)).toMatchObject({ code: 'AWAITING_TRAILERS', tone: 'warn' });
    backend.receive(data(second.id, '', END_STREAM));
    scene.wait(1500);
    expect(scene.verdict(backend, second.id)).toBeNull();
  });

  it('CLIENT_IDLE and BOTH_IDLE are worth knowing and no stall', () => {
    const scene = new Scene();
    const client = scene.client();
    const backend = scene.backend();
    client.receive(headers(1, post('a'), END_HEADERS));
    const stream = backend.request([], false);
    scene.rig.recorder.paired(client.id, 1, backend.id, stream.id);
    scene.wait(5000);
    expect(scene.verdict(client)).toMatchObject({ code: 'CLIENT_IDLE', tone: 'quiet' });
    backend.receive(headers(1, [[':status', '200']], END_HEADERS));
    client.respond(1);
    scene.wait(5000);
    expect(scene.verdict(client)).toMatchObject({ code: 'BOTH_IDLE', tone: 'quiet' });
    expect(isStuck(scene.verdict(client))).toBe(false);
  });
});

describe('what the hub tells', () => {
  it('once when a stream begins to stand still, once when it goes on, and on demand', () => {
    const scene = new Scene();
    const client = scene.client([[INITIAL_WINDOW_SIZE, 100]]);
    client.receive(headers(1, get('a')));
    client.write(client.respond(1), 5 * KB);
    for (let i = 0; i < 10; i++) scene.wait(100);
    scene.viewer.send({ type: 'get', id: 9, what: 'verdicts' });
    const reply = scene.viewer.all('reply').at(-1);
    expect(reply).toMatchObject({
      what: 'verdicts',
      verdicts: [{ connection: client.id, stream: 1, verdict: { code: 'STREAM_SEND_WINDOW' } }],
    });
    client.receive(windowUpdate(1, 100_000));
    for (let i = 0; i < 3; i++) scene.wait(100);
    const told = scene.viewer.events.filter(event => event.kind === 'verdict');
    expect(told.map(({ code, stream, bytes }) => [code, stream, bytes])).toEqual([
      ['STREAM_SEND_WINDOW', 1, 4900],
      ['', 1, 0],
    ]);
    expect(told[1]?.lostUs).toBeGreaterThanOrEqual(1_000_000);
  });

  it('a stall that ends with its stream is told to end', () => {
    const scene = new Scene();
    const client = scene.client([[INITIAL_WINDOW_SIZE, 100]]);
    client.receive(headers(1, get('a')));
    client.write(client.respond(1), 5 * KB);
    for (let i = 0; i < 5; i++) scene.wait(100);
    client.receive(frame(Type.RST_STREAM, 0, 1, Buffer.of(0, 0, 0, 8)));
    for (let i = 0; i < 3; i++) scene.wait(100);
    expect(scene.viewer.events.filter(event => event.kind === 'verdict').map(event => event.code)).toEqual([
      'STREAM_SEND_WINDOW',
      '',
    ]);
  });
});
