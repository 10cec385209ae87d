import { Connection, type ConnectionOptions, type Handler, type RequestHead, type Stream } from '../../src/index.ts';
import { concat, line, parse, preface, type RawFrame, settings, settingsAck } from './frames.ts';

/** A connection under test with a handler that writes down what it hears, and the octets it sends as frames. */
export class Endpoint {
  readonly events: string[] = [];
  readonly streams: Map<number, Stream> = new Map();
  readonly heads: RequestHead[] = [];
  readonly connection: Connection;
  now = 0;
  /** Replaces the recording of one event by an action. */
  readonly on: Partial<Handler> = {};

  constructor(options: Partial<ConnectionOptions> & { role: 'server' | 'client' }, withPush = false) {
    const note = (event: string): void => {
      this.events.push(event);
    };
    const handler: Handler = {
      onRequest: (stream, head, end) => {
        this.streams.set(stream.id, stream);
        this.heads.push(head);
        note(`request ${stream.id} ${head.method} ${head.path}${end ? ' end' : ''}`);
        this.on.onRequest?.(stream, head, end);
      },
      onResponse: (stream, head, end) => {
        note(`response ${stream.id} ${head.status}${end ? ' end' : ''}`);
        this.on.onResponse?.(stream, head, end);
      },
      onInformational: (stream, head) => note(`informational ${stream.id} ${head.status}`),
      onData: (stream, chunk, end) => {
        note(`data ${stream.id} ${chunk.length}${end ? ' end' : ''}`);
        this.on.onData?.(stream, chunk, end);
      },
      onTrailers: (stream, fields) => note(`trailers ${stream.id} ${fields.join('=')}`),
      onReset: (stream, error) =>
        note(`reset ${stream.id} ${error.codeName} ${error.initiator} ${error.rule}`.trimEnd()),
      onStreamClosed: stream => note(`closed ${stream.id}`),
      onWritable: stream => {
        note(`writable ${stream.id}`);
        this.on.onWritable?.(stream);
      },
      onGoAway: (last, code) => note(`goaway ${last} ${code}`),
      onPong: payload => note(`pong ${[...payload].join(',')}`),
      onSettings: pairs => note(`settings ${pairs.join(',')}`),
      onSettingsAcked: () => note('settings acked'),
      onClosed: error => note(`end ${error === null ? 'clean' : `${error.codeName} ${error.rule}`}`),
    };
    if (withPush) handler.onPush = (parent, promised, head) => note(`push ${parent.id} ${promised.id} ${head.path}`);
    this.connection = new Connection({ handler, ...options }, 0);
  }

  /** Feeds octets, in one chunk. */
  receive(...parts: readonly Uint8Array[]): this {
    this.connection.receive(concat(...parts), this.now);
    return this;
  }

  /** All output so far as frames; the client's preface is checked and left out. */
  frames(budget?: number): RawFrame[] {
    let octets = concat(...this.connection.takeOutput(budget));
    if (octets[0] === 0x50 && octets[1] === 0x52) octets = octets.slice(preface.length);
    return parse(octets);
  }

  /** The same as lines. */
  sent(budget?: number): string[] {
    return this.frames(budget).map(line);
  }

  /** The events since the last call. */
  heard(): string[] {
    return this.events.splice(0);
  }

  stream(id: number): Stream {
    const stream = this.streams.get(id);
    if (stream === undefined) throw new Error(`stream ${id} was never delivered`);
    return stream;
  }
}

/** A server past the exchange of SETTINGS, with nothing left to take or to hear. */
export function server(options: Partial<ConnectionOptions> = {}, ...peerSettings: number[]): Endpoint {
  const endpoint = new Endpoint({ role: 'server', ...options });
  endpoint.receive(preface, settings(...peerSettings), settingsAck);
  endpoint.sent();
  endpoint.heard();
  return endpoint;
}

/** A client past the exchange of SETTINGS. */
export function client(
  options: Partial<ConnectionOptions> = {},
  withPush = false,
  ...peerSettings: number[]
): Endpoint {
  const endpoint = new Endpoint({ role: 'client', ...options }, withPush);
  endpoint.receive(settings(...peerSettings), settingsAck);
  endpoint.sent();
  endpoint.heard();
  return endpoint;
}

export function get(path = '/'): RequestHead {
  return { method: 'GET', scheme: 'http', authority: 'example.com', path, protocol: '', fields: [], sensitive: null };
}
