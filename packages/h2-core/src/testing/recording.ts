import { StreamRecord } from '../stream/stream.ts';
import { fromHex, toHex } from './octets.ts';

/** How a stream stands in a recording: by the order in which the program and the connection came to speak of it. */
export interface StreamRef {
  readonly stream: number;
}

/** An argument of a call as it is kept. Octets are hexadecimal. */
export type Recorded =
  | null
  | boolean
  | number
  | string
  | { readonly hex: string }
  | StreamRef
  | RecordedObject
  | RecordedList;
/** A list of recorded values. */
export interface RecordedList extends ReadonlyArray<Recorded> {}
/** An object of recorded values. */
export interface RecordedObject {
  readonly [name: string]: Recorded;
}

/**
 * One thing that happened, in order. A call into the connection has its method's name; a call to the handler begins with
 * `>` and ends with `<`, and calls into the connection between the two were made inside it.
 */
export interface RecordedStep {
  /** `receive`, `write`, `takeOutput`; `>onData`; `<`. */
  readonly what: string;
  /** Arguments; left out of the end of a handler call. */
  readonly with?: readonly Recorded[];
  /** Calls into the connection: octets returned by `takeOutput`, hexadecimal. */
  readonly output?: string;
  /** The call threw. */
  readonly threw?: true;
  /** The end of a handler call: the text it answered, as `onInvalidField` does. */
  readonly answer?: string;
  /** The stream that the call returned. */
  readonly returned?: StreamRef;
}

/** Everything that came to one connection, in order and with its times. Plain data: JSON keeps it whole. */
export interface Recording {
  readonly format: 'glassway-connection-recording';
  readonly version: 1;
  readonly role: 'server' | 'client';
  /** The resolved options of the connection. */
  readonly options: RecordedObject;
  /** Methods that the handler had: what a connection does depends on some. */
  readonly handles: readonly string[];
  /** The clock when the connection was made, milliseconds. */
  readonly startedAt: number;
  readonly steps: readonly RecordedStep[];
}

/** Keeps the arguments of one call. `refer` gives the number of a stream; undefined: the value is none. */
export function keep(value: unknown, refer: (value: object) => number | undefined): Recorded {
  if (value === null || value === undefined) return null;
  if (typeof value === 'boolean' || typeof value === 'number' || typeof value === 'string') return value;
  if (value instanceof Uint8Array) return { hex: toHex(value) };
  if (Array.isArray(value)) return value.map(each => keep(each, refer));
  if (typeof value !== 'object') return null;
  const stream = refer(value);
  if (stream !== undefined) return { stream };
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, keep(each, refer)]));
}

/** The value that was kept. `streams`: those known so far, by their number. */
export function revive(value: Recorded, streams: readonly unknown[]): unknown {
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map(each => revive(each, streams));
  const { hex, stream } = value as { hex?: Recorded; stream?: Recorded };
  if (typeof hex === 'string') return fromHex(hex);
  // One that no call has brought stands for a request that was never sent.
  if (typeof stream === 'number') return streams[stream] ?? new StreamRecord(0, true, 0, 0);
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, revive(each, streams)]));
}
