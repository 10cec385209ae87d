import { UsageError } from '../errors.ts';
import { DuplexDriver, type DuplexLike } from './duplex-driver.ts';
import { type Clock, hostClock } from './host.ts';
import { WebDriver, type WebPair } from './web-driver.ts';

/** Where a driver delivers what its transport has. */
export interface DriverSink {
  /** Octets came. They are not changed any more by the transport. */
  received(chunk: Uint8Array): void;
  /** The transport takes octets again, after `write` had answered false. */
  drained(): void;
  /** The transport delivers nothing more; `cause`: what it failed with, undefined for an orderly end. */
  closed(cause: unknown): void;
}

/** A transport as the pump sees it: octets in order, both ways, with back-pressure. */
export interface Driver {
  /** The time that connections over this transport live by. Default: the host's. */
  readonly clock?: Clock;
  /** Begins to deliver. Called once, before anything else. */
  start(sink: DriverSink): void;
  /** Takes a batch in order, as one gathered write where it can. False: wait for `drained` before the next one. */
  write(parts: readonly Uint8Array[]): boolean;
  /** Octets taken by `write` that have not been passed on yet. Where it is missing, batches keep their least size. */
  readonly backlog?: number | undefined;
  /** True while octets written still have a chance to reach the other side. */
  readonly isWritable: boolean;
  /** Stops and restarts delivery. */
  pause(): void;
  resume(): void;
  /** Ends our side once everything written has left, and calls `flushed` then; what still comes is dropped. */
  end(flushed: () => void): void;
  /** Ends both sides at once. */
  destroy(): void;
}

/**
 * What a connection can run over: a Node stream (net.Socket, TLSSocket, any Duplex in octet mode), a pair of WHATWG
 * streams of Uint8Array, one end of `pair()`, or any other `Driver`.
 */
export type Transport = DuplexLike | WebPair | Driver;

/** The clock of a transport, before it has a driver: options are checked before a transport is touched. */
export function clockOf(transport: Transport): Clock {
  const given = transport as Partial<Driver> | null | undefined;
  return (typeof given?.start === 'function' ? given.clock : undefined) ?? hostClock;
}

/** The driver for a transport; throws a `UsageError` (`api.transport`) for anything that is none. */
export function driverOf(transport: Transport): Driver {
  const given = transport as Partial<DuplexLike & WebPair & Driver>;
  if (typeof given !== 'object' || given === null) return refuse(transport);
  if (typeof given.start === 'function' && typeof given.write === 'function') return given as Driver;
  if (typeof given.on === 'function' && typeof given.cork === 'function') return new DuplexDriver(given as DuplexLike);
  if (typeof given.readable === 'object' && typeof given.writable === 'object') return new WebDriver(given as WebPair);
  return refuse(transport);
}

function refuse(transport: unknown): never {
  throw new UsageError(
    'api.transport',
    `a transport is a Node Duplex, a { readable, writable } pair of WHATWG streams or an end of pair(), not ${String(transport)}`,
  );
}
