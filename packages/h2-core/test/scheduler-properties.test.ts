/**
 * What a server sends when, judged frame by frame by a model that knows only what was asked of the server and what passed on
 * the wire: who could have sent, who had a turn, who was more urgent. Any order of requests, writes, priorities, grants, window
 * changes and resets.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Connection, type Stream } from '../src/index.ts';
import {
  concat,
  Flags,
  type Frame,
  FrameCutter,
  headers,
  ping,
  preface,
  priorityUpdate,
  requestFields,
  rstStream,
  settings,
  settingsAck,
  Type,
  WireChecker,
  windowUpdate,
} from '../src/testing/index.ts';
import { frame } from './support/frames.ts';

/** Octet `at` of every body: what is lost, doubled or out of order shows. */
const octetAt = (id: number, at: number): number => (id * 31 + at * 7 + (at >>> 8)) & 0xff;

/** A stream as the model has it. */
interface Modelled {
  readonly stream: Stream;
  urgency: number;
  incremental: boolean;
  written: number;
  sent: number;
  ended: boolean;
  gone: boolean;
  /** It could not send, or changed its place in line, since it was last served: others may go before it. */
  interrupted: boolean;
  /** Frames that others of its level and kind have sent while it could have. */
  readonly passedBy: Map<number, number>;
}

class Model {
  readonly checker: WireChecker = new WireChecker('server');
  readonly streams: Modelled[] = [];
  readonly connection: Connection;
  data = 0;
  private nextId = 1;
  private pingDue = false;
  private readonly lastSequential: Map<number, Modelled> = new Map();
  /** Whether the last frame of a level was of an incremental stream, where both kinds could have sent. */
  private readonly lastKind: Map<number, boolean> = new Map();

  constructor() {
    this.connection = new Connection({ role: 'server', handler: { onRequest: stream => this.opened(stream) } }, 0);
    this.hear(preface, settings(4, 30_000), settingsAck);
    this.take(1000);
  }

  hear(...parts: Uint8Array[]): void {
    const octets = concat(...parts);
    this.checker.received(octets);
    this.connection.receive(octets, 0);
    this.note();
  }

  /** SCH-09: the answer goes before any DATA, however much waits. */
  ping(): void {
    this.pingDue = true;
    this.hear(ping(new Uint8Array(8)));
    this.take(16_384);
    if (this.pingDue) throw new Error('a PING is not answered at once');
  }

  private opened(stream: Stream): void {
    const unknown = {
      urgency: 0,
      incremental: false,
      written: 0,
      sent: 0,
      ended: false,
      gone: false,
      interrupted: true,
    };
    this.streams.push({ stream, ...unknown, passedBy: new Map() });
  }

  request(urgency: number, incremental: boolean): void {
    const id = this.nextId;
    this.nextId += 2;
    this.hear(headers(id, requestFields({}, [['priority', `u=${urgency}${incremental ? ', i' : ''}`]])));
    const model = this.streams.at(-1) as Modelled;
    Object.assign(model, { urgency, incremental });
    this.connection.respond(model.stream, 200, [], false);
  }

  write(model: Modelled, count: number, end: boolean): void {
    if (model.ended || model.gone) return;
    const { id } = model.stream;
    this.connection.write(
      model.stream,
      Uint8Array.from({ length: count }, (_, i) => octetAt(id, model.written + i)),
      end,
    );
    model.written += count;
    model.ended = end;
    // A small one may have left at once, if nobody else could send: judged before anything else happens.
    this.take(0);
    this.note();
  }

  prioritise(model: Modelled, urgency: number, incremental: boolean): void {
    if (model.gone) return;
    if (model.urgency === urgency && model.incremental === incremental) return;
    this.hear(priorityUpdate(model.stream.id, `u=${urgency}${incremental ? ', i' : ''}`));
    if (model.stream.state === 6) return;
    Object.assign(model, { urgency, incremental, interrupted: true });
    this.forgetTurns(model);
  }

  reset(model: Modelled, byPeer: boolean): void {
    if (model.gone) return;
    model.gone = true;
    if (byPeer) this.hear(rstStream(model.stream.id, 8));
    else this.connection.reset(model.stream, 8);
  }

  private window({ stream }: Modelled): number {
    return this.checker.streamWindow(stream.id) ?? 0;
  }

  /** It has octets, and window for one at least. */
  private couldSend(model: Modelled): boolean {
    return !model.gone && model.sent < model.written && this.window(model) > 0;
  }

  /** Writes down who cannot send now: they are out of line, and come back at its end. */
  private note(): void {
    for (const model of this.streams) {
      if (this.couldSend(model)) continue;
      model.interrupted = true;
      this.forgetTurns(model);
    }
  }

  private forgetTurns(model: Modelled): void {
    model.passedBy.clear();
  }

  take(budget: number): void {
    const before = this.data;
    for (const octets of framesOf(concat(...this.connection.takeOutput(budget)))) {
      const sendable = this.streams.filter(model => this.couldSend(model));
      for (const sent of this.checker.sent(octets)) this.judge(sent, sendable);
      this.note();
    }
    // SCH-03: nothing is left that could have gone.
    if (this.data - before < budget && this.checker.sendWindow > 0) {
      const left = this.streams.filter(model => this.couldSend(model));
      if (left.length > 0) throw new Error(`stream ${left[0]?.stream.id} could send and does not`);
    }
  }

  private judge(sent: Frame, sendable: readonly Modelled[]): void {
    if (sent.type === Type.PING) this.pingDue = false;
    if (sent.type !== Type.DATA || sent.payload.length === 0) return;
    if (this.pingDue) throw new Error('DATA goes before the answer to a PING');
    this.data += sent.payload.length;
    const model = this.streams.find(({ stream }) => stream.id === sent.streamId) as Modelled;
    const fail = (why: string): never => {
      throw new Error(`DATA ${sent.streamId}: ${why}`);
    };
    // SCH-02: every octet in its place.
    sent.payload.forEach((octet, i) => {
      if (octet !== octetAt(sent.streamId, model.sent + i)) fail(`octet ${model.sent + i} is another one`);
    });
    model.sent += sent.payload.length;
    if (model.sent > model.written) fail('more than was written');
    if ((sent.flags & Flags.END_STREAM) !== 0) model.gone = true;
    // SCH-07
    const { urgency, incremental } = model;
    const urgent = sendable.find(other => other.urgency < urgency);
    if (urgent !== undefined) fail(`stream ${urgent.stream.id} is more urgent`);
    const level = sendable.filter(other => other.urgency === urgency);
    // SCH-06: where a level has both kinds, the other one is next.
    const isMixed = level.some(other => other.incremental !== incremental);
    if (isMixed && this.lastKind.get(urgency) === incremental) fail('it is the turn of the other kind');
    if (isMixed) this.lastKind.set(urgency, incremental);
    else this.lastKind.delete(urgency);
    if (incremental) this.judgeTurns(model, level, fail);
    else this.judgeSequence(model, level, fail);
    model.interrupted = false;
  }

  /** SCH-04: nobody is passed by twice by the same stream. */
  private judgeTurns(model: Modelled, level: readonly Modelled[], fail: (why: string) => never): void {
    for (const other of level) {
      if (other === model || !other.incremental) continue;
      const times = (other.passedBy.get(model.stream.id) ?? 0) + 1;
      if (times > 1) fail(`stream ${other.stream.id} has had no turn since its last frame`);
      other.passedBy.set(model.stream.id, times);
    }
    this.forgetTurns(model);
  }

  /** SCH-05: who has begun goes on until it is done or blocked. */
  private judgeSequence(model: Modelled, level: readonly Modelled[], fail: (why: string) => never): void {
    const last = this.lastSequential.get(model.urgency);
    if (last !== undefined && last !== model && level.includes(last) && !last.incremental && !last.interrupted) {
      fail(`stream ${last.stream.id} has begun and is not done`);
    }
    this.lastSequential.set(model.urgency, model);
  }
}

function framesOf(octets: Uint8Array): Uint8Array[] {
  return new FrameCutter()
    .push(octets)
    .map(({ type, flags, streamId, payload }) => frame(type, flags, streamId, payload));
}

const urgency = fc.constantFrom(0, 3, 3, 3, 7);
const which = fc.nat(9);
const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ what: fc.constant('request' as const), urgency, incremental: fc.boolean() }) },
  {
    weight: 6,
    arbitrary: fc.record({
      what: fc.constant('write' as const),
      which,
      count: fc.constantFrom(0, 1, 500, 5000, 20_000),
      end: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ what: fc.constant('prioritise' as const), which, urgency, incremental: fc.boolean() }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      what: fc.constant('grant' as const),
      which: fc.nat(10),
      count: fc.integer({ min: 1, max: 60_000 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ what: fc.constant('initial' as const), window: fc.constantFrom(0, 1, 10_000, 65_535) }),
  },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('reset' as const), which, byPeer: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('ping' as const) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      what: fc.constant('take' as const),
      budget: fc.constantFrom(1, 1000, 16_384, 40_000, 262_144),
    }),
  },
);

test('whatever is asked: the most urgent first, turns for all, those who began go on, nothing idle, every octet in its place', () => {
  // SCH-01, SCH-02, SCH-03, SCH-04, SCH-05, SCH-06, SCH-07, SCH-09, SCH-10, SCH-12
  let octets = 0;
  fc.assert(
    fc.property(fc.array(step, { minLength: 10, maxLength: 80, size: 'max' }), steps => {
      const model = new Model();
      model.request(3, true);
      for (const each of steps) {
        const chosen = 'which' in each ? model.streams[each.which % model.streams.length] : undefined;
        const stream = chosen as Modelled;
        if (each.what === 'request' && model.streams.length < 10) model.request(each.urgency, each.incremental);
        else if (each.what === 'write') model.write(stream, each.count, each.end);
        else if (each.what === 'prioritise') model.prioritise(stream, each.urgency, each.incremental);
        else if (each.what === 'grant') {
          const onConnection = each.which === 10 || stream.gone;
          model.hear(windowUpdate(onConnection ? 0 : stream.stream.id, each.count));
        } else if (each.what === 'initial') model.hear(settings(4, each.window));
        else if (each.what === 'reset') model.reset(stream, each.byPeer);
        else if (each.what === 'take') model.take(each.budget);
        else if (each.what === 'ping') model.ping();
      }
      // SCH-12: with all the window there is, everything leaves.
      model.hear(settings(4, 1_000_000), windowUpdate(0, 2_000_000_000));
      model.take(100_000_000);
      for (const { sent, written, gone } of model.streams) if (!gone) expect(sent).toBe(written);
      octets += model.data;
    }),
    { numRuns: 80, interruptAfterTimeLimit: 15_000 },
  );
  expect(octets).toBeGreaterThan(50_000);
});
