// A whole connection: octets of a peer in pieces, an application that does things at its own times and inside calls to its
// handler, and time that passes. Steps:
//   in HEX            octets come
//   react HEX         two octets each for the calls to the handler from now on: what the application does in it, and how; when
//                     they are used up it does what a modest program does
//   do ACT STREAM N   the application does something, see acts.mjs
//   take BUDGET       output is taken
//   time MS           time passes, and what is due is done
//   option N M        before everything else: a setting of the connection
import { Connection, H2Error, UsageError } from '@glassway/h2-core';
import {
  auditConnection,
  concat,
  continuation,
  data,
  fieldBlock,
  frame,
  goAway,
  headers,
  ping,
  preface,
  priority,
  priorityUpdate,
  pushPromise,
  requestFields,
  rstStream,
  settings,
  settingsAck,
  WireChecker,
  windowUpdate,
} from '@glassway/h2-core/testing';
import { OCTETS, WORDS } from '../lib/mutate.mjs';
import { ACTS, Defect } from './acts.mjs';

/** Room in the tables of what `option` may set: names and values. */
const SETTABLE = [
  ['maxSendBufferSize', [1, 1000, 20_000]],
  ['initialWindowSize', [0, 1, 1000, 65_535]],
  ['initialConnectionWindowSize', [65_535, 100_000]],
  ['maxConcurrentStreams', [0, 1, 3]],
  ['maxHeaderListSize', [0, 100, 1000]],
  ['maxHeaderFields', [1, 5]],
  ['maxContinuationFrames', [0, 1]],
  ['headerTableSize', [0, 64, 65_536]],
  ['encoderTableSize', [0, 64]],
  ['enableConnectProtocol', [true]],
  ['maxQueuedReplies', [1, 3]],
  ['oddityBurst', [1, 5]],
  ['emptyDataBurst', [1, 3]],
  ['smallDataBudget', [1, 1000]],
  ['settingsWorkBurst', [1, 5]],
  ['keepaliveIntervalMs', [50]],
  ['writeStallTimeoutMs', [600]],
  ['idleTimeoutMs', [100, 0]],
  ['maxHeaderMemory', [100, 1000]],
  ['padding', [{ multipleOf: 16 }, { multipleOf: 256 }]],
  ['maxFrameSize', [16_385, 70_000]],
  ['obeyPriorities', [false]],
];

/** Octets sent that nothing was received or written for: our own beginning, and answers to it. */
const FREE_OUTPUT = 20_000;
/** Octets that an octet received may bring about: RST_STREAM for a frame without payload, a response with large fields. */
const AMPLIFICATION = 60;

class Run {
  constructor(role) {
    this.role = role;
    this.streams = [];
    this.events = [];
    this.tape = [];
    this.inside = 0;
    this.written = 0;
    this.over = false;
    this.now = 0;
    this.received = 0;
    this.sent = 0;
    this.checker = new WireChecker(role);
    this.rules = new Set();
  }

  begin(options) {
    this.connection = new Connection({ role: this.role, handler: this.handler(), ...options }, 0);
  }

  handler() {
    const call = name => (first, second, third) => this.called(name, first, second, third);
    const names =
      'onPreface onRequest onResponse onInformational onPush onData onTrailers onWritable onReset onStreamClosed';
    const more = 'onSettings onSettingsAcked onPong onGoAway onAltSvc onOrigins onUnknownFrame onClosed';
    // onEndSent is told while frames are cut, when commands for its stream have to wait: it gets nothing to do.
    const all = `${names} ${more}`.split(' ').map(name => [name, call(name)]);
    return Object.fromEntries([...all, ['onEndSent', () => this.note('onEndSent')]]);
  }

  note(event) {
    this.events.push(event);
  }

  called(name, first, second, third) {
    if (this.over) throw new Error(`${name} after onClosed`);
    this.note(name);
    if (first instanceof H2Error || second instanceof H2Error) this.hear(first instanceof H2Error ? first : second);
    const isStream = typeof first === 'object' && first !== null && 'sendWindow' in first;
    const stream = name === 'onPush' ? second : isStream ? first : undefined;
    if (stream !== undefined && !this.streams.includes(stream)) this.streams.push(stream);
    try {
      this.inside++;
      if (this.tape.length > 0) {
        const [act, n] = this.tape.splice(0, 2);
        if (this.inside < 5) this.act(act, stream, n ?? 0);
      } else {
        this.modest(name, stream, third === true);
      }
    } finally {
      this.inside--;
      if (name === 'onClosed') this.over = true;
    }
  }

  /** What the application does when nothing else is asked of it. */
  modest(name, stream, endsNow) {
    if (name === 'onData') this.act(3, stream, 0);
    const isWhole = name === 'onTrailers' || ((name === 'onData' || name === 'onRequest') && endsNow);
    if (this.role === 'server' && isWhole) this.act(23, stream, 2);
  }

  hear({ rule, code, scope, initiator, message }) {
    if (typeof message !== 'string' || message === '') throw new Error(`an error without a message: ${rule}`);
    this.rules.add(`${scope} ${initiator} ${rule || code}`);
  }

  act(which, stream, n) {
    const target = stream ?? this.streams[n % Math.max(1, this.streams.length)];
    const act = ACTS[which % ACTS.length];
    if (target === undefined && act.length > 1 && !NEEDS_NO_STREAM.has(which % ACTS.length)) return;
    try {
      act(this, target, n);
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
    }
  }

  /**
   * Calls into the connection; what the application threw comes out again, and nothing else does. A connection that was at
   * work when it did is over; a command's caller may go on.
   */
  call(run, isCommand = false) {
    try {
      run();
    } catch (error) {
      if (!(error instanceof Defect)) throw error;
      if (!this.connection.isClosed && !isCommand) throw new Error('the connection outlives a defect of its handler');
    }
    auditConnection(this.connection);
  }

  step({ op, octets, args }) {
    const { connection } = this;
    switch (op) {
      case 'in': {
        const chunk = octets.slice();
        this.received += chunk.length;
        // A connection that is over hears nothing more: what would be credited to it does not count.
        if (!connection.isClosed) this.checker.received(octets);
        this.call(() => connection.receive(chunk, this.now));
        break;
      }
      case 'react':
        this.tape = [...octets];
        break;
      case 'do':
        this.call(
          () => this.act(args[0] ?? 0, this.streams[(args[1] ?? 0) % Math.max(1, this.streams.length)], args[2] ?? 0),
          true,
        );
        break;
      case 'take':
        this.take(Math.min(1_000_000, Math.max(0, args[0] ?? 262_144)));
        break;
      case 'time':
        this.now += Math.min(100_000, Math.max(0, args[0] ?? 1));
        this.call(() => connection.handleTimeout(this.now));
        break;
      default:
        break;
    }
  }

  take(budget) {
    let parts = [];
    this.call(() => {
      parts = this.connection.takeOutput(budget, this.now);
    });
    // takeOutput that threw has its octets still.
    const octets = concat(...parts);
    this.sent += octets.length;
    for (const { name, code } of this.checker.sent(octets)) this.note(code === undefined ? name : `${name} ${code}`);
    const most = FREE_OUTPUT + AMPLIFICATION * this.received + 2 * this.written;
    if (this.sent > most)
      throw new Error(`${this.sent} octets sent for ${this.received} received and ${this.written} written`);
  }

  /** The transport ends; nothing may be left, and nothing may happen any more. */
  end() {
    const { connection } = this;
    this.take(262_144);
    this.tape = [];
    this.call(() => connection.receiveEnd(this.now));
    this.take(262_144);
    if (!connection.isClosed || !this.over) throw new Error('the connection does not end');
    this.checker.expectWhole();
    const { openStreams, unreleasedBytes } = connection;
    if (openStreams !== 0 || unreleasedBytes !== 0)
      throw new Error(`${openStreams} streams, ${unreleasedBytes} octets left`);
    for (const { bufferedBytes, state } of this.streams) {
      if (bufferedBytes !== 0) throw new Error(`${bufferedBytes} octets are still buffered in state ${state}`);
    }
    connection.receive(concat(settings(), headers(1, requestFields())), this.now);
    connection.handleTimeout(this.now + 1_000_000);
    for (let act = 1; act < ACTS.length; act++) this.act(act, this.streams[0], act);
    if (connection.takeOutput().length !== 0) throw new Error('output after the end');
    if (connection.error !== null) this.hear(connection.error);
  }
}

/** Acts on the connection, which need no stream. */
const NEEDS_NO_STREAM = new Set([8, 13, 14, 15, 16, 17, 18, 22, 24]);

/** The value of an `option` step. */
function optionOf([name = 0, value = 0]) {
  const [key, values] = SETTABLE[Math.abs(name) % SETTABLE.length];
  return { [key]: values[Math.abs(value) % values.length] };
}

const FIELD_LISTS = [
  requestFields(),
  requestFields({ method: 'POST' }),
  requestFields({ method: 'POST' }, [['content-length', '5']]),
  requestFields({}, [['priority', 'u=1, i']]),
  requestFields({}, [
    ['cookie', 'a=b'],
    ['cookie', 'c=d'],
  ]),
  [
    [':method', 'CONNECT'],
    [':authority', 'example.com:1'],
  ],
  [[':status', '200']],
  [
    [':status', '200'],
    ['content-length', '5'],
  ],
  [[':status', '103']],
  [['x-trailer', 'v']],
];
/** Pieces of HPACK that use the table, or are wrong. */
const BLOCKS = [
  [0x82, 0x86, 0x84, 0x41, 1, 0x61],
  [0x88],
  [0x40, 1, 0x78, 1, 0x79],
  [0xbe],
  [0x3f, 0xe1, 0x1f],
  [0x20],
  [0x80],
  [0x3f],
];
const IDS = [1, 1, 1, 3, 3, 5, 7, 9, 2, 4, 0];

/** A frame as a peer might send it. */
function makeFrame(random) {
  const id = random.one(IDS);
  const flags = random.one([4, 5, 5, 1, 0, 0x2c]);
  const block = random.chance(70)
    ? fieldBlock(random.one(FIELD_LISTS))
    : concat(random.one(BLOCKS), random.one(BLOCKS));
  const padding = random.chance(15) ? { padding: random.below(20) } : {};
  switch (random.below(14)) {
    case 0:
    case 1:
    case 2:
      return frame('HEADERS', flags, id, block, padding);
    case 3:
    case 4:
      return data(id, new Uint8Array(random.one([0, 1, 5, 100, 5000, 16_384])), random.below(2), padding);
    case 5:
      return rstStream(id, random.below(15));
    case 6:
      return windowUpdate(random.chance(40) ? 0 : id, random.one(WORDS));
    case 7:
      return random.chance(25) ? settingsAck : settings(random.one([1, 2, 3, 4, 4, 5, 6, 8, 9]), random.one(WORDS));
    case 8:
      return ping(new Uint8Array(8), random.below(2));
    case 9:
      return goAway(random.one([0, 1, 5, 0x7fff_ffff]), random.below(14), 'debug');
    case 10:
      return random.chance(50)
        ? priority(id, random.one(IDS))
        : priorityUpdate(id, random.one(['u=0', 'i', 'u=9', '!']));
    case 11:
      return continuation(id, block, flags & 4);
    case 12:
      return pushPromise(id, random.one([2, 4, 6, 1, 0]), random.one(FIELD_LISTS), 4, padding);
    default:
      return frame(
        random.one([10, 12, 16, 0x77]),
        0,
        random.chance(60) ? 0 : id,
        Uint8Array.from({ length: random.below(12) }, () => random.one(OCTETS)),
      );
  }
}

function makeStep(random) {
  switch (random.below(10)) {
    case 0:
    case 1:
      return { op: 'do', args: [random.below(ACTS.length), random.below(5), random.below(256)] };
    case 2:
      return { op: 'take', args: [random.one([0, 1, 1000, 16_384, 262_144])] };
    case 3:
      return { op: 'time', args: [random.one([1, 10, 100, 1000, 10_000, 31_000, 100_000])] };
    case 4:
      return {
        op: 'react',
        octets: Uint8Array.from({ length: 2 * (1 + random.below(6)) }, () =>
          random.below(random.chance(80) ? 25 : 256),
        ),
      };
    case 5:
      return { op: 'option', args: [random.below(SETTABLE.length), random.below(4)] };
    default:
      return { op: 'in', octets: concat(...Array.from({ length: 1 + random.below(3) }, () => makeFrame(random))) };
  }
}

const target = role => ({
  name: `connection-${role}`,
  grammar: { frames: true, makeFrame, makeStep },
  /** @returns what happened, in words: events in order and the rules that were broken. */
  run(steps) {
    const run = new Run(role);
    run.begin(
      Object.assign(
        { maxSendBufferSize: 20_000 },
        ...steps.filter(({ op }) => op === 'option').map(({ args }) => optionOf(args)),
      ),
    );
    for (const step of steps) run.step(step);
    run.end();
    return [...run.events, ...run.rules];
  },
  /** Cases to begin with: a peer that behaves. */
  seeds: () => [
    [
      { op: 'in', octets: concat(role === 'server' ? preface : [], settings(), settingsAck) },
      ...(role === 'client'
        ? [
            { op: 'do', args: [8, 0, 1] },
            { op: 'do', args: [8, 0, 2] },
            { op: 'take', args: [65_536] },
          ]
        : []),
      { op: 'in', octets: role === 'server' ? headers(1, FIELD_LISTS[0]) : headers(1, FIELD_LISTS[6]) },
    ],
  ],
});

export const server = target('server');
export const client = target('client');
