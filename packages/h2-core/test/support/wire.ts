import { Connection, type Handler } from '../../src/index.ts';
import { Pump } from '../../src/node/index.ts';
import { type Clock, now } from '../../src/session/host.ts';
import type { Driver, DriverSink } from '../../src/session/transport.ts';
import { concat, line, parse, preface, settings, settingsAck } from './frames.ts';

/** A transport whose other side is the test. */
export class Wire implements Driver {
  sink: DriverSink | null = null;
  readonly calls: string[] = [];
  /** What `write` answers. */
  room = true;
  isWritable = true;
  /** What it says it has not passed on; undefined: it does not say. */
  backlog: number | undefined = 0;
  readonly clock?: Clock;
  private written: Uint8Array[] = [];

  constructor(clock?: Clock) {
    if (clock !== undefined) this.clock = clock;
  }

  start(sink: DriverSink): void {
    this.sink = sink;
  }

  write(parts: readonly Uint8Array[]): boolean {
    this.calls.push('write');
    this.written.push(...parts);
    return this.room;
  }

  pause(): void {
    this.calls.push('pause');
  }

  resume(): void {
    this.calls.push('resume');
  }

  end(flushed: () => void): void {
    this.calls.push('end');
    flushed();
  }

  destroy(): void {
    this.calls.push('destroy');
  }

  /** Delivers octets in one chunk. */
  deliver(...parts: Uint8Array[]): void {
    this.sink?.received(concat(...parts));
  }

  /** Octets written since the last call. */
  octets(): number {
    return this.written.splice(0).reduce((sum, part) => sum + part.length, 0);
  }

  /** The frames written since the last call. */
  frames(): string[] {
    return parse(concat(...this.written.splice(0))).map(line);
  }

  /** The calls since the last call. */
  called(): string[] {
    return this.calls.splice(0);
  }
}

/** A server connection on a `Wire`, its SETTINGS exchanged. `clock`: what its deadlines live by, else the host's. */
export function pumped(handler: Handler = {}, options = {}, clock?: Clock): { wire: Wire; connection: Connection } {
  const wire = new Wire(clock);
  const connection = new Connection({ role: 'server', handler, ...options }, (clock ?? { now }).now());
  new Pump(wire, connection);
  wire.deliver(preface, settings(), settingsAck);
  return { wire, connection };
}
