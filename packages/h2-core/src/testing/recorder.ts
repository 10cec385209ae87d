import type { Connection } from '../connection.ts';
import type { Core } from '../core.ts';
import type { Handler } from '../handler.ts';
import type { Clock } from '../session/host.ts';
import { type Driver, type DriverSink, driverOf, type Transport } from '../session/transport.ts';
import { StreamRecord } from '../stream/stream.ts';
import { concat, toHex } from './octets.ts';
import { keep, type Recorded, type RecordedStep, type Recording, type StreamRef } from './recording.ts';

/** Everything by which a program or a transport changes a connection. */
export const METHODS: readonly (keyof Connection)[] = [
  'receive',
  'receiveEnd',
  'handleTimeout',
  'acceptUpgrade',
  'requestUpgraded',
  'respond',
  'inform',
  'request',
  'push',
  'write',
  'trailers',
  'reset',
  'release',
  'hold',
  'done',
  'ping',
  'pong',
  'prioritise',
  'altSvc',
  'origins',
  'priorityUpdate',
  'sendUnknownFrame',
  'updateSettings',
  'setTargetWindowSize',
  'shutdown',
  'destroy',
  'takeOutput',
  'noteTransport',
];

/** What a handler may be told. */
export const CALLS: readonly (keyof Handler)[] = [
  'onPreface',
  'onRequest',
  'onResponse',
  'onInformational',
  'onPush',
  'onData',
  'onTrailers',
  'onWritable',
  'onEndSent',
  'onReset',
  'onRejected',
  'onStreamClosed',
  'onSlotsFree',
  'onSettings',
  'onSettingsAcked',
  'onPing',
  'onPong',
  'onGoAway',
  'onAltSvc',
  'onOrigins',
  'onUnknownFrame',
  'onInvalidField',
  'onClosed',
];

type Call = (...given: unknown[]) => unknown;

interface Inside {
  readonly core: Omit<Core, 'handler'> & { handler: Handler };
}

/** What is written down while a connection runs. */
interface Notes extends RecordedStep {
  output?: string;
  threw?: true;
  answer?: string;
  returned?: StreamRef;
}

/**
 * Records a connection from its beginning: every call into it with its time, in order, and where between the calls to the
 * handler it was made; and its output, to compare. Made right after the connection, before anything was done with it.
 * Throws for a connection that has been used, and for options that are functions (`padding`, `indexing`).
 */
export class Recorder {
  private readonly notes: Notes[] = [];
  private readonly streams: Map<object, number> = new Map();
  private readonly head: Omit<Recording, 'steps'>;
  /** Calls under way, one inside the other: into the connection (true) and to the handler (false). */
  private readonly within: boolean[] = [];

  constructor(connection: Connection) {
    const { core } = connection as unknown as Inside;
    const { handler, registry } = core;
    if (core.closed || registry.lastRemoteId !== 0 || registry.nextLocalId > 2) {
      throw new Error('a connection is recorded from its beginning: this one has been used already');
    }
    const plain: Record<string, Recorded> = {};
    for (const [name, value] of Object.entries(core.options)) {
      if (typeof value === 'function') throw new Error(`option ${name} is a function, which a recording cannot keep`);
      plain[name] = keep(value, () => undefined);
    }
    const calls = handler as unknown as Record<string, Call | undefined>;
    this.head = {
      format: 'glassway-connection-recording',
      version: 1,
      role: core.isServer ? 'server' : 'client',
      options: plain,
      handles: CALLS.filter(name => typeof calls[name] === 'function'),
      startedAt: core.now,
    };
    core.handler = this.watchHandler(handler, calls);
    for (const name of METHODS) this.watchMethod(connection as unknown as Record<string, Call>, name);
  }

  /** Everything so far, as plain data that does not change any more. */
  get recording(): Recording {
    return { ...this.head, steps: this.notes.map(note => ({ ...note })) };
  }

  private refer(value: object): number | undefined {
    if (!(value instanceof StreamRecord)) return undefined;
    let number = this.streams.get(value);
    if (number === undefined) {
      number = this.streams.size;
      this.streams.set(value, number);
    }
    return number;
  }

  private arguments(given: readonly unknown[]): readonly Recorded[] {
    return given.map(each => keep(each, value => this.refer(value)));
  }

  private watchMethod(connection: Record<string, Call>, name: string): void {
    const method = (connection[name] as Call).bind(connection);
    connection[name] = (...given) => {
      // What the connection does to itself will happen by itself when it is replayed.
      if (this.within.at(-1) === true) return method(...given);
      // A request's last argument is the program's own object, of which the connection knows nothing.
      const kept = name === 'request' ? given.slice(0, 2) : name === 'requestUpgraded' ? given.slice(0, 1) : given;
      const note: Notes = { what: name, with: this.arguments(kept) };
      this.notes.push(note);
      this.within.push(true);
      try {
        const result = method(...given);
        if (name === 'takeOutput') note.output = toHex(concat(...(result as Uint8Array[])));
        if (result instanceof StreamRecord) note.returned = { stream: this.refer(result) as number };
        return result;
      } catch (error) {
        note.threw = true;
        throw error;
      } finally {
        this.within.pop();
      }
    };
  }

  /** A handler that writes down what it hears before it passes it on. */
  private watchHandler(handler: Handler, calls: Record<string, Call | undefined>): Handler {
    const watched: Record<string, Call> = {};
    for (const name of CALLS) {
      if (typeof calls[name] !== 'function') continue;
      watched[name] = (...given) => {
        // Streams are named by these calls; the rest would only repeat what the octets say.
        const streams = given.filter(each => each instanceof StreamRecord);
        this.notes.push({ what: `>${name}`, with: this.arguments(streams) });
        this.within.push(false);
        const end: Notes = { what: '<' };
        try {
          const answer = (calls[name] as Call).apply(handler, given);
          if (typeof answer === 'string') end.answer = answer;
          return answer;
        } catch (error) {
          end.threw = true;
          throw error;
        } finally {
          this.within.pop();
          this.notes.push(end);
        }
      };
    }
    return watched as Handler;
  }
}

/** A transport that has the connection over it recorded; see `recordTransport`. */
export class RecordedTransport implements Driver {
  readonly clock?: Clock;
  private readonly driver: Driver;
  private recorder: Recorder | null = null;

  constructor(driver: Driver) {
    this.driver = driver;
    if (driver.clock !== undefined) this.clock = driver.clock;
  }

  /** Everything so far; throws before a connection was made. */
  get recording(): Recording {
    if (this.recorder === null) throw new Error('no connection was made over this transport yet');
    return this.recorder.recording;
  }

  start(sink: DriverSink): void {
    const { connection } = sink as { readonly connection?: Connection };
    if (connection === undefined) throw new Error('what uses this transport is no connection of h2-core');
    this.recorder = new Recorder(connection);
    this.driver.start(sink);
  }

  write(parts: readonly Uint8Array[]): boolean {
    return this.driver.write(parts);
  }

  get backlog(): number | undefined {
    return this.driver.backlog;
  }

  get isWritable(): boolean {
    return this.driver.isWritable;
  }

  pause(): void {
    this.driver.pause();
  }

  resume(): void {
    this.driver.resume();
  }

  end(flushed: () => void): void {
    this.driver.end(flushed);
  }

  destroy(): void {
    this.driver.destroy();
  }
}

/**
 * Has the connection that is made over `transport` - by `handshake`, `connect` or `serve` - recorded. Not for one that was
 * upgraded from HTTP/1.1: it begins before it has a transport.
 */
export function recordTransport(transport: Transport): RecordedTransport {
  return new RecordedTransport(driverOf(transport));
}
