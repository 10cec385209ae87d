/**
 * `glassway demo --traffic`: keeps the inspector busy with requests of many kinds over several connections, at a rate a
 * person can follow (about 50 to 200 frames per second), with a stalled stream every now and then.
 */
import { Agent, get as getHttp1 } from 'node:http';
import { type Call, TrafficClient, type TrafficTarget } from './traffic-client.ts';

/** Traffic under way. */
export interface Traffic {
  /** Requests made so far. */
  readonly requests: number;
  stop(): void;
}

/** How the traffic behaves; all optional. */
export interface TrafficOptions {
  /** Time between decisions, default 200. */
  readonly intervalMs?: number;
  /** How long a stream is left unread, or a stream of events is listened to. Default 5000. */
  readonly stayMs?: number;
  /** Numbers from 0 to below 1. Default Math.random. */
  readonly random?: () => number;
}

/** How many connections are kept to each target. */
const CONNECTIONS_PER_TARGET = 2;
/** About once in so many decisions an HTTP/1.1 client asks, over connections it keeps. */
const HTTP1_EVERY = 12;
const HTTP1_PATHS = ['/headers', '/assets/tile/7.svg', '/status/404', '/trailers', '/streams/firehose?mib=1'] as const;
/** A connection that is gone is replaced after this long. */
const RECONNECT_MS = 1000;
/** About once in so many decisions a connection says goodbye, so that closed ones are seen too. */
const LEAVE_EVERY = 400;
/** Every so many decisions a stream is left unread, the first one soon: what the inspector is for should not be left to luck. */
const STALL_EVERY = 40;
const FIRST_STALL = 5;
const PIECE = new Uint8Array(8 * 1024).fill(0x67);

/** One kind of traffic. `weight`: how often it is chosen, relative to the others. */
interface Act {
  readonly weight: number;
  run(client: TrafficClient, world: World): void;
}

interface World {
  readonly stayMs: number;
  readonly random: () => number;
  /** Runs later unless the traffic has stopped. */
  later(ms: number, work: () => void): void;
}

const get =
  (path: string): Act['run'] =>
  client =>
    void client.call('GET', path, false, {});

const ACTS: readonly Act[] = [
  { weight: 14, run: loadPage },
  { weight: 10, run: get('/headers') },
  { weight: 6, run: get('/hints') },
  { weight: 6, run: get('/trailers') },
  { weight: 6, run: get('/slow?ms=700') },
  { weight: 4, run: get('/status/404') },
  { weight: 2, run: get('/status/503') },
  { weight: 8, run: upload },
  { weight: 10, run: converse },
  { weight: 3, run: listenToEvents },
  { weight: 3, run: get('/download?mib=1') },
  { weight: 4, run: loseInterest },
  { weight: 2, run: get('/errors/drop') },
  { weight: 1, run: get('/errors/short') },
  { weight: 2, run: get('/streams/reset') },
  { weight: 1, run: get('/streams/refuse') },
];
const TOTAL_WEIGHT = ACTS.reduce((sum, act) => sum + act.weight, 0);

/** Starts traffic to the gateway's listeners. */
export function startTraffic(targets: readonly TrafficTarget[], options: TrafficOptions = {}): Traffic {
  const { intervalMs = 200, stayMs = 5000, random = Math.random } = options;
  const clients = new Set<TrafficClient>();
  const timers = new Set<NodeJS.Timeout>();
  let stopped = false;
  let requests = 0;
  let decisions = 0;

  const later = (ms: number, work: () => void): void => {
    const timer = setTimeout(() => {
      timers.delete(timer);
      work();
    }, ms);
    timers.add(timer);
  };
  const world: World = { stayMs, random, later };

  const keepConnected = (target: TrafficTarget): void => {
    const again = (): void => {
      if (!stopped) later(RECONNECT_MS, () => keepConnected(target));
    };
    TrafficClient.connect(target).then(client => {
      if (stopped) {
        client.destroy();
        return;
      }
      clients.add(client);
      client.onGone = () => {
        clients.delete(client);
        again();
      };
    }, again);
  };
  for (const target of targets) for (let i = 0; i < CONNECTIONS_PER_TARGET; i++) keepConnected(target);

  const cleartext = targets.find(target => target.tls === undefined);
  const agent = new Agent({ keepAlive: true, maxSockets: 2 });
  const askHttp1 = ({ host, port }: TrafficTarget): void => {
    const path = HTTP1_PATHS[Math.floor(random() * HTTP1_PATHS.length)];
    // Failures are part of the picture, and shown by the inspector.
    getHttp1({ host, port, path, agent }, response => response.resume().on('error', () => {})).on('error', () => {});
  };

  const tick = setInterval(() => {
    if (cleartext !== undefined && random() * HTTP1_EVERY < 1) {
      requests++;
      askHttp1(cleartext);
      return;
    }
    const ready = [...clients].filter(client => client.isReady);
    const client = ready[Math.floor(random() * ready.length)];
    if (client === undefined) return;
    if (random() * LEAVE_EVERY < 1) {
      client.leave();
      return;
    }
    requests++;
    decisions++;
    if (decisions % STALL_EVERY === FIRST_STALL) stall(client, world);
    else choose(random).run(client, world);
  }, intervalMs);

  return {
    get requests() {
      return requests;
    },
    stop: () => {
      stopped = true;
      clearInterval(tick);
      for (const timer of timers) clearTimeout(timer);
      agent.destroy();
      for (const client of clients) client.destroy();
    },
  };
}

function choose(random: () => number): Act {
  let left = random() * TOTAL_WEIGHT;
  for (const act of ACTS) {
    left -= act.weight;
    if (left < 0) return act;
  }
  return ACTS[0]!;
}

/** A page and what it needs, as browsers ask for it. */
function loadPage(client: TrafficClient, { random }: World): void {
  client.call('GET', '/', false, {
    onResponse: () => {
      const first = Math.floor(random() * 100);
      const paths = ['/assets/page.css', '/assets/page.js'];
      for (let i = 0; i < 8; i++) paths.push(`/assets/tile/${first + i}.svg`);
      for (const path of paths) {
        if (client.isReady) client.call('GET', path, false, {}, ['priority', path.endsWith('svg') ? 'u=5, i' : 'u=1']);
      }
    },
  });
}

/** A body in pieces, as fast as it is taken. */
function upload(client: TrafficClient, { random }: World): void {
  let left = 4 + Math.floor(random() * 28);
  const send = (call: Call): void => {
    let room = true;
    while (room && left > 0) {
      left--;
      room = call.write(PIECE, left === 0);
    }
  };
  send(client.call('POST', '/upload', true, { onWritable: send }));
}

/** Messages in turns, each sent when the one before has come back, with a status in the trailers. */
function converse(client: TrafficClient, { random, later }: World): void {
  let left = 3 + Math.floor(random() * 6);
  const speak = (call: Call): void => {
    left--;
    // A gRPC message: not compressed, 15 octets; in it field 1, text of 11 octets, and field 2, a number.
    call.write(
      Uint8Array.from([0, 0, 0, 0, 15, 0x0a, 11, ...Buffer.from(`message ${100 + left}`), 0x10, left]),
      left === 0,
    );
  };
  const fields = ['content-type', 'application/grpc', 'te', 'trailers', 'grpc-timeout', '10S'];
  const call = client.call(
    'POST',
    '/demo.Echo/Chat',
    true,
    {
      onData: each => {
        if (left > 0) later(120, () => speak(each));
        return false;
      },
    },
    fields,
  );
  speak(call);
}

/** Listens for a while, then cancels. */
function listenToEvents(client: TrafficClient, { stayMs, later }: World): void {
  const call = client.call('GET', '/events', false, {}, ['accept', 'text/event-stream']);
  later(stayMs, () => call.cancel());
}

/** Asks for something slow and does not wait for it. */
function loseInterest(client: TrafficClient, { later }: World): void {
  const call = client.call('GET', '/slow?ms=5000', false, {});
  later(150, () => call.cancel());
}

/** Does not read a stream without end: its window runs empty. After a while it reads a little, then cancels. */
function stall(client: TrafficClient, { stayMs, later }: World): void {
  const call = client.call('GET', '/streams/firehose?mib=64', false, { onData: () => true });
  later(stayMs, () => {
    call.releaseKept();
    later(100, () => call.cancel());
  });
}
