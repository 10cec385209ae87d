/**
 * Random frames, right and wrong, in random pieces, against a program that does random things: nothing is thrown, nothing
 * hangs, the books agree at rest, what leaves is sound, and after the end nothing happens. ROB-01, LIM-39, FRM-19.
 */
import { Decoder } from '@glassway/hpack';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Connection, type Handler, type Stream, UsageError } from '../src/index.ts';
import { auditConnection } from '../src/testing/index.ts';
import { get } from './support/endpoint.ts';
import {
  block,
  concat,
  F,
  type Fields,
  frame,
  GET,
  line,
  POST,
  parse,
  preface,
  settings,
  T,
  u32,
} from './support/frames.ts';

/** More for a long run: GLASSWAY_FUZZ_RUNS=100000. */
const RUNS = Number(process.env['GLASSWAY_FUZZ_RUNS'] ?? 400);

/** mulberry32 with helpers; one per step, so that steps can be left out when a failure shrinks. */
class Dice {
  private state: number;

  constructor(seed: number) {
    this.state = seed | 0;
  }

  below(n: number): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), this.state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % n;
  }

  one<V>(values: readonly V[]): V {
    return values[this.below(values.length)] as V;
  }

  chance(percent: number): boolean {
    return this.below(100) < percent;
  }
}

const IDS = [1, 3, 5, 7, 9, 11, 13, 2, 4, 6, 0, 0x7fff_ffff];
const NUMBERS = [0, 1, 2, 100, 16_384, 65_535, 1_000_000];
const WILD = [0, 1, 16_383, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];
const REQUESTS: readonly Fields[] = [
  GET,
  POST,
  POST,
  [...POST, ['content-length', '5']],
  [...GET, ['priority', 'u=1, i']],
  [...GET, ['x-large', 'y'.repeat(3000)]],
  [
    [':method', 'CONNECT'],
    [':authority', 'example.com:1'],
  ],
];
const RESPONSES: readonly Fields[] = [
  [[':status', '200']],
  [
    [':status', '200'],
    ['content-length', '5'],
  ],
  [[':status', '103']],
  [[':status', '204']],
];
const ODD: readonly Fields[] = [[['x-trailer', 'v']], [...GET, ['Bad', 'name']], [[':status', '101']], []];

/** What the peer under simulation knows: streams that make sense, and the next new one. */
interface Peer {
  readonly role: 'server' | 'client';
  readonly streams: readonly Stream[];
  next: number;
}

/** Mostly a stream that is or was open. */
function someStream(dice: Dice, { streams }: Peer): number {
  if (dice.chance(1)) return dice.one(IDS);
  const { id } = dice.one(streams.slice(-8));
  return id === 0 ? (streams[0] as Stream).id : id;
}

/** A field block; some use the dynamic table, a few do not decode. */
function fieldBlock(dice: Dice, sections: readonly Fields[]): Uint8Array {
  const plain = block(dice.one(dice.chance(90) ? sections : ODD));
  if (dice.chance(15)) return concat(plain, [0x40, 3, 0x78, 0x2d, 0x61, 1, 0x31]);
  if (dice.below(200) === 0) return concat(plain, [0xbe]);
  if (dice.chance(3)) return concat([0x3f, 0xe1, 0x1f], plain);
  return plain;
}

/** A field section in one frame or several. */
function section(dice: Dice, type: number, flags: number, id: number, payload: Uint8Array): Uint8Array {
  if (dice.chance(85)) return frame(type, flags | F.END_HEADERS, id, payload);
  const cut = dice.below(payload.length + 1);
  const first = frame(type, flags, id, payload.slice(0, cut));
  if (dice.chance(3)) return first;
  return concat(first, frame(T.CONTINUATION, F.END_HEADERS, id, payload.slice(cut)));
}

function padded(dice: Dice, before: readonly number[], payload: Uint8Array): [number, Uint8Array] {
  if (!dice.chance(20)) return [0, concat(before, payload)];
  const padding = dice.below(20);
  return [F.PADDED, concat([padding], before, payload, new Uint8Array(dice.chance(97) ? padding : 0))];
}

/** One frame as a peer might send it, or a field section. */
function makeFrame(dice: Dice, peer: Peer): Uint8Array {
  const hasStreams = peer.streams.some(stream => stream.id !== 0);
  const id = hasStreams ? someStream(dice, peer) : 0;
  const end = dice.chance(40) ? F.END_STREAM : 0;
  const wild = dice.chance(4);
  switch (hasStreams ? dice.below(18) : dice.one([0, 11, 12, 16])) {
    case 0:
    case 1:
    case 2:
    case 3:
    case 4: {
      const fresh = peer.role === 'server' && (!hasStreams || dice.chance(75));
      if (!fresh && !hasStreams) return frame(T.PING, 0, 0, new Uint8Array(8));
      const stream = fresh ? peer.next : id;
      if (fresh) peer.next += 2;
      const priority = dice.chance(10) ? [...u32(dice.one([0, 101])), 5] : [];
      const [flags, payload] = padded(dice, priority, fieldBlock(dice, peer.role === 'server' ? REQUESTS : RESPONSES));
      return section(dice, T.HEADERS, end | flags | (priority.length > 0 ? F.PRIORITY : 0), stream, payload);
    }
    case 5:
    case 6:
    case 7: {
      const [flags, payload] = padded(dice, [], new Uint8Array(dice.one([0, 1, 5, 5, 300, 5000, 16_000])));
      return frame(T.DATA, end | flags, id, payload);
    }
    case 8:
      return frame(T.RST_STREAM, 0, id, u32(dice.below(16)));
    case 9:
    case 10:
      return frame(T.WINDOW_UPDATE, 0, dice.chance(40) ? 0 : id, u32(wild ? dice.one(WILD) : 1 + dice.below(100_000)));
    case 11:
      return dice.chance(15)
        ? frame(T.SETTINGS, F.ACK, 0)
        : settings(dice.one([1, 3, 4, 4, 6, wild ? 9 : 99]), dice.one(wild ? WILD : NUMBERS));
    case 12:
      return frame(T.PING, dice.chance(30) ? F.ACK : 0, 0, new Uint8Array(8));
    case 13:
      if (!wild) return frame(T.PING, 0, 0, new Uint8Array(8));
      return frame(T.GOAWAY, 0, 0, concat(u32(dice.one(IDS)), u32(dice.below(14)), [0x68, 0x69]));
    case 14:
      return frame(T.PRIORITY, 0, id, [...u32(dice.one([0, 101, 103])), 1]);
    case 15:
      if (peer.role === 'client' && dice.chance(80)) {
        peer.next += 2;
        return section(dice, T.PUSH_PROMISE, 0, id, concat(u32(peer.next - 2), fieldBlock(dice, [GET])));
      }
      return frame(wild ? dice.below(20) : T.PRIORITY, wild ? dice.below(256) : 0, id, [0, 0, 0, 0, 0]);
    case 16:
      if (peer.role === 'client') return frame(T.PING, 0, 0, new Uint8Array(8));
      return frame(0x10, 0, 0, [...u32(1 + dice.below(30)), 0x75, 0x3d, 0x30 + dice.below(9)]);
    default:
      return frame(dice.one([0x0a, 0x0c, 0xbb]), dice.below(256), dice.chance(60) ? 0 : id, [0, 1, 0x61]);
  }
}

interface Program {
  readonly connection: Connection;
  readonly streams: Stream[];
}

type Deed = (dice: Dice, program: Program) => void;

/** What a program might do to a stream, rightly or wrongly. */
const TO_A_STREAM: readonly ((dice: Dice, program: Program, stream: Stream) => void)[] = [
  (dice, { connection }, stream) => connection.respond(stream, 200, ['x-a', '1'], dice.chance(30)),
  (_, { connection }, stream) => connection.inform(stream, 103, []),
  (dice, { connection }, stream) => connection.write(stream, new Uint8Array(dice.below(20)), dice.chance(40)),
  (dice, { connection }, stream) => connection.write(stream, new Uint8Array(3000), dice.chance(40)),
  (dice, { connection }, stream) => connection.write(stream, new Uint8Array(100_000), dice.chance(40)),
  (_, { connection }, stream) => connection.trailers(stream, ['x', 'y']),
  (_, { connection }, stream) => connection.reset(stream, 8),
  (dice, { connection }, stream) => {
    connection.release(stream, Math.min(stream.unreleasedBytes, dice.below(70_000)));
  },
  (_, { connection, streams }, stream) => {
    streams.push(connection.push(stream, get('/pushed')));
  },
  (_, { connection }, stream) => connection.hold(stream),
  (_, { connection }, stream) => connection.done(stream),
  (dice, { connection }, stream) => connection.prioritise(stream, dice.below(8), dice.chance(50)),
];

/** ... and to a connection. */
const TO_THE_CONNECTION: readonly Deed[] = [
  (dice, { connection, streams }) => {
    streams.push(connection.request({ ...get(), method: dice.one(['GET', 'POST', 'HEAD']) }, dice.chance(50)));
  },
  (dice, { connection, streams }) => {
    streams.push(connection.request({ ...get(), method: dice.one(['GET', 'POST', 'HEAD']) }, dice.chance(50)));
  },
  (dice, { connection }) => connection.updateSettings([dice.one([1, 3, 4, 5]), dice.one(NUMBERS)]),
  (dice, { connection }) => connection.setTargetWindowSize(dice.one([0, 1000, 65_535, 4_194_304])),
  (_, { connection }) => connection.ping(new Uint8Array(8)),
  (dice, { connection }) => dice.chance(10) && connection.shutdown(),
  (dice, { connection }) => dice.chance(3) && connection.destroy(dice.below(14), 'fuzz'),
];

/** Does one thing; misuse is a `UsageError` and nothing else. */
function act(dice: Dice, program: Program, stream: Stream | undefined): void {
  const { streams } = program;
  const target = stream ?? (streams.length > 0 ? dice.one(streams) : undefined);
  try {
    if (target === undefined || dice.chance(35)) dice.one(TO_THE_CONNECTION)(dice, program);
    else dice.one(TO_A_STREAM)(dice, program, target);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
  }
}

/** Reads what a connection sends: whole frames, nothing of a message after its end, field blocks that decode. */
class Wire {
  private readonly decoder: Decoder = new Decoder();
  private readonly ended: Set<number> = new Set();
  private rest: Uint8Array = new Uint8Array();
  private expectsPreface: boolean;
  private fragments: Uint8Array[] | null = null;
  private readonly allowance: Allowance;

  constructor(role: 'server' | 'client', allowance: Allowance) {
    this.allowance = allowance;
    this.expectsPreface = role === 'client';
  }

  take(parts: readonly Uint8Array[]): void {
    let octets = concat(this.rest, ...parts);
    this.rest = new Uint8Array();
    if (this.expectsPreface && octets.length > 0) {
      expect(octets.slice(0, preface.length)).toEqual(preface);
      octets = octets.slice(preface.length);
      this.expectsPreface = false;
    }
    for (const f of parse(octets)) {
      const open = this.fragments !== null;
      if (open !== (f.type === T.CONTINUATION)) throw new Error(`${line(f)} in the wrong place`);
      const message = f.type === T.HEADERS || f.type === T.DATA;
      if (message && this.ended.has(f.streamId)) throw new Error(`${line(f)} after the end of its stream`);
      if (f.type === T.RST_STREAM || (message && (f.flags & F.END_STREAM) !== 0)) this.ended.add(f.streamId);
      if (f.type === T.DATA) this.allowance.spend(f.streamId, f.payload.length);
      if (f.type === T.HEADERS) this.fragments = [f.payload];
      if (f.type === T.PUSH_PROMISE) this.fragments = [f.payload.slice(4)];
      if (f.type === T.CONTINUATION) this.fragments?.push(f.payload);
      if (this.fragments !== null && (f.flags & F.END_HEADERS) !== 0) {
        this.decoder.decode(concat(...this.fragments), { onField: () => {} });
        this.fragments = null;
      }
    }
  }
}

/** The most that the octets sent to a connection can have allowed it to send, for any order of reading them. */
class Allowance {
  /** False: octets were spoilt on the way, so that nobody can tell. */
  isKnown = true;
  private connection = 65_535;
  private initial = 65_535;
  private readonly grants: Map<number, number> = new Map();
  private readonly sent: Map<number, number> = new Map();

  heard(octets: Uint8Array): void {
    for (const { type, flags, streamId, payload } of parse(octets)) {
      const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
      if (type === T.WINDOW_UPDATE && payload.length === 4) {
        const increment = view.getUint32(0) & 0x7fff_ffff;
        if (streamId === 0) this.connection += increment;
        else this.grants.set(streamId, (this.grants.get(streamId) ?? 0) + increment);
      } else if (type === T.SETTINGS && flags === 0) {
        for (let at = 0; at + 6 <= payload.length; at += 6) {
          if (view.getUint16(at) === 4) this.initial = Math.max(this.initial, view.getUint32(at + 2));
        }
      }
    }
  }

  spend(streamId: number, octets: number): void {
    const total = (this.sent.get(streamId) ?? 0) + octets;
    this.sent.set(streamId, total);
    this.connection -= octets;
    if (!this.isKnown) return;
    if (this.connection < 0) throw new Error('more DATA than the connection window allows');
    const allowed = this.initial + (this.grants.get(streamId) ?? 0);
    if (total > allowed) throw new Error(`more DATA than the window of stream ${streamId} allows`);
  }
}

interface Plan {
  readonly seed: number;
  readonly steps: readonly number[];
}

function run(role: 'server' | 'client', { seed, steps }: Plan): { ended: boolean; requests: number } {
  const streams: Stream[] = [];
  const inside = new Dice(seed);
  let over = false;
  let requests = 0;
  let depth = 0;
  const told = (stream: unknown): void => {
    if (over) throw new Error('a call after onClosed');
    if (depth > 3 || !inside.chance(40)) return;
    depth++;
    const isStream = typeof stream === 'object' && stream !== null && 'sendWindow' in stream;
    act(inside, program, isStream ? (stream as Stream) : undefined);
    depth--;
  };
  const handler: Handler = {
    onRequest: stream => {
      requests++;
      streams.push(stream);
      told(stream);
    },
    onResponse: told,
    onInformational: told,
    onPush: (_, promised) => {
      streams.push(promised);
      told(promised);
    },
    onData: told,
    onTrailers: told,
    onReset: told,
    onStreamClosed: told,
    onWritable: told,
    onSettings: told,
    onSettingsAcked: () => told(null),
    onPong: () => told(null),
    onGoAway: () => told(null),
    onClosed: () => {
      told(null);
      over = true;
    },
  };
  const connection = new Connection({ role, handler, maxSendBufferSize: 20_000 }, 0);
  const program: Program = { connection, streams };
  const allowance = new Allowance();
  const wire = new Wire(role, allowance);
  let now = 0;
  const peer: Peer = { role, streams, next: role === 'server' ? 1 : 2 };
  let unsent: Uint8Array = role === 'server' ? concat(preface, settings()) : settings();
  if (role === 'client') {
    for (let i = 0; i < 4; i++) streams.push(connection.request({ ...get(), method: 'POST' }, i === 0));
  }
  for (const step of steps) {
    const dice = new Dice(step);
    let octets = makeFrame(dice, peer);
    const whole = octets.slice();
    if (dice.chance(1)) octets[dice.below(octets.length)] = dice.below(256);
    if (dice.below(300) === 0) octets = octets.slice(0, dice.below(octets.length));
    if (!Buffer.from(whole).equals(octets)) allowance.isKnown = false;
    allowance.heard(whole);
    unsent = concat(unsent, octets);
    const size = dice.chance(60) ? unsent.length : dice.below(unsent.length + 1);
    connection.receive(unsent.slice(0, size), now);
    unsent = unsent.slice(size);
    auditConnection(connection);
    if (dice.chance(50)) act(dice, program, undefined);
    if (dice.chance(20)) {
      now += dice.one([1, 100, 2000]);
      connection.handleTimeout(now);
    }
    if (dice.chance(60)) wire.take(connection.takeOutput(dice.one([0, 1000, 262_144]), now));
    auditConnection(connection);
  }
  const ended = connection.isClosed;
  connection.receiveEnd(now);
  auditConnection(connection);
  wire.take(connection.takeOutput());
  // Over is over.
  connection.receive(concat(settings(), frame(T.HEADERS, 5, 1, block(GET))), now);
  connection.handleTimeout(now + 1_000_000);
  for (let i = 0; i < 20; i++) act(inside, program, undefined);
  expect(connection.takeOutput()).toEqual([]);
  expect(over).toBe(true);
  return { ended, requests };
}

describe('random frames', () => {
  const timeout = 60_000 + RUNS * 10;

  test.each(['server', 'client'] as const)(
    'against a %s',
    role => {
      let survivors = 0;
      let requests = 0;
      const plan = fc.record({
        seed: fc.integer(),
        steps: fc.array(fc.integer(), { minLength: 1, maxLength: 60, size: 'max' }),
      });
      fc.assert(
        fc.property(plan, input => {
          const outcome = run(role, input);
          if (!outcome.ended) survivors++;
          requests += outcome.requests;
        }),
        { numRuns: RUNS },
      );
      // The test would be worth little if every run ended at its first frame.
      expect(survivors).toBeGreaterThan(RUNS / 10);
      if (role === 'server') expect(requests).toBeGreaterThan(RUNS);
    },
    timeout,
  );

  test.each(['server', 'client'] as const)('octets that are no frames, against a %s', role => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400, size: 'max' }), fc.boolean(), (noise, greeted) => {
        const connection = new Connection({ role, handler: {} }, 0);
        const greeting = role === 'server' ? concat(preface, settings()) : settings();
        connection.receive(greeted ? concat(greeting, noise) : noise, 0);
        auditConnection(connection);
        connection.takeOutput();
        connection.receiveEnd(1);
        auditConnection(connection);
      }),
      { numRuns: 500 },
    );
  });
});
