/**
 * HTTP/2 clients: one core connection per socket, and per request a leg for the exchange. The core has judged every
 * message by RFC 9113 8 before it comes here; added is what a gateway must be strict about, because a backend may read
 * it differently.
 */
import type { Socket } from 'node:net';
import {
  Connection,
  ErrorCode,
  type FieldList,
  type H2Error,
  type Handler,
  type RequestHead,
  type Stream,
} from '@glassway/h2-core';
import { attach } from '@glassway/h2-core/node';
import { endpoint } from '../config/address.ts';
import type { ClientFacts, RequestMessage } from '../exchange/legs.ts';
import { type Reason, type ReasonCode, reason } from '../exchange/reason.ts';
import { type ConnectionEvent, refusedRecord } from '../exchange/record.ts';
import { Leg, type Negotiation } from '../trace/trace.ts';
import { type ListenerContext, type TlsFacts, tlsForTrace } from './context.ts';
import { asksForState, describeState } from './debug-state.ts';
import { writeSwitchingProtocols } from './h2c-upgrade.ts';
import { Http2Leg } from './http2-leg.ts';
import type { Endpoint } from './proxy-protocol.ts';
import type { Drainable } from './registry.ts';
import { checkScheme, isAuthority, reject } from './rules.ts';

const SERVED = reason('connection_retired', 'the connection has served its requests', { rule: 'connection.requests' });

/** How an HTTP/2 connection came about. */
export interface Http2Origin {
  readonly negotiation: Exclude<Negotiation, 'http/1.1'>;
  readonly tls: TlsFacts | null;
}

/** Serves HTTP/2 on sockets handed to it. */
export class Http2Listener {
  readonly #context: ListenerContext;
  /** Streams whose request is not complete yet. */
  readonly #uploads = new Set<Http2Leg>();
  readonly #sweep: NodeJS.Timeout;

  constructor(context: ListenerContext) {
    this.#context = context;
    this.#sweep = setInterval(() => this.#check(performance.now()), context.limits.checkIntervalMs).unref();
  }

  /** Stops the timers. Connections still open are the registry's to close. */
  close(): void {
    clearInterval(this.#sweep);
  }

  #check(now: number): void {
    const { streamIdleTimeoutMs: timeoutMs } = this.#context.limits;
    if (timeoutMs === 0) return;
    for (const leg of this.#uploads) {
      if (leg.isUploading && leg.idleFor(now) > timeoutMs) {
        leg.giveUp(reason('client_body_timeout', `nothing moved on the stream for ${timeoutMs} ms`));
      }
    }
  }

  /** Takes over a socket whose next octets are the client's preface. */
  serve(socket: Socket, origin: Http2Origin): void {
    const client = new Http2Client(this.#context, this.#uploads, socket, origin);
    attach(socket, client.connection);
  }

  /** Takes over an HTTP/1.1 socket whose request is granted h2c (RFC 7540 3.2): answers 101, then the request on stream 1. */
  upgrade(socket: Socket, settings: Uint8Array, request: RequestMessage): void {
    const client = new Http2Client(this.#context, this.#uploads, socket, { negotiation: 'upgrade', tls: null });
    writeSwitchingProtocols(socket);
    client.upgrade(settings, request);
    attach(socket, client.connection);
  }

  /** RFC 9113 9.2: TLS that HTTP/2 forbids. The client learns why from the GOAWAY, and nothing is served. */
  refuseInsecure(socket: Socket, origin: Http2Origin): void {
    const client = new Http2Client(this.#context, this.#uploads, socket, origin);
    attach(socket, client.connection);
    client.connection.destroy(ErrorCode.INADEQUATE_SECURITY, `cipher ${origin.tls?.cipher} (RFC 9113 Appendix A)`);
  }
}

/** One HTTP/2 client connection. */
class Http2Client implements Handler, Drainable {
  readonly connectionId: number;
  readonly protocol: ClientFacts['protocol'];
  readonly connection: Connection;
  readonly #context: ListenerContext;
  readonly #uploads: Set<Http2Leg>;
  readonly #tls: TlsFacts | null;
  readonly #client: Endpoint;
  #requests = 0;
  /**
   * What an Upgrade asks for, until the client's preface shows that it has seen the 101; null: nothing waits. Some clients
   * read the 101 into a buffer of an HTTP/1.1 head's size and fail when more of a response than that comes along with it.
   */
  #heldBack: (() => void)[] | null = null;
  /** Kept only for those who may ask for the connection's state; null: nobody may. */
  readonly #streams: Set<Stream> | null;

  constructor(context: ListenerContext, uploads: Set<Http2Leg>, socket: Socket, origin: Http2Origin) {
    this.#uploads = uploads;
    const { trace, registry, limits, clients } = context;
    this.#context = context;
    this.#streams = context.debugState ? new Set() : null;
    this.#tls = origin.tls;
    this.protocol = origin.tls !== null ? 'h2' : origin.negotiation === 'upgrade' ? 'h2c-upgrade' : 'h2c';
    this.#client = clients.of(socket);
    this.connectionId = trace.connectionOpened({
      leg: Leg.CLIENT,
      protocol: 'h2',
      negotiation: origin.negotiation,
      peer: endpoint(this.#client.address, this.#client.port),
      local: endpoint(socket.localAddress, socket.localPort),
      tls: tlsForTrace(origin.tls),
    });
    this.connection = new Connection(
      {
        enableConnectProtocol: limits.webSocket,
        ...limits.http2,
        role: 'server',
        handler: this,
        tap: trace.tap(this.connectionId),
      },
      performance.now(),
    );
    registry.assign(socket, this);
  }

  get openExchanges(): number {
    return this.connection.openStreams;
  }

  drain(why: Reason): void {
    if (this.connection.isClosed || this.connection.isDraining) return;
    this.connection.shutdown(why.text);
    this.#context.trace.reasoned(this.connectionId, 0, why);
    this.#event('goaway', 0, why);
  }

  /** Stream 1 is the request that asked for the upgrade; its half is closed (RFC 7540 3.2). */
  upgrade(settings: Uint8Array, request: RequestMessage): void {
    const { method, scheme, authority, path, fields } = request;
    const head: RequestHead = { method, scheme, authority, path, protocol: '', fields, sensitive: null };
    this.#heldBack = [];
    this.connection.acceptUpgrade(settings, head);
  }

  /** After an Upgrade: the client has read the 101, and reads HTTP/2 from now on. */
  onPreface(): void {
    const held = this.#heldBack;
    this.#heldBack = null;
    for (const begin of held ?? []) begin();
  }

  onRequest(stream: Stream, head: RequestHead, endStream: boolean): void {
    if (this.#heldBack !== null) {
      this.#heldBack.push(() => this.onRequest(stream, head, endStream));
      return;
    }
    const facts = this.#facts(stream.id);
    const { maxRequestsPerConnection } = this.#context.limits;
    if (++this.#requests === maxRequestsPerConnection) this.drain(SERVED);
    const leg = new Http2Leg(facts, this.connection, stream, head.method, endStream, this.#context.reasonHeader);
    stream.context = leg;
    if (this.#streams !== null) {
      this.#streams.add(stream);
      if (asksForState(head)) {
        this.#tellState(stream, leg);
        return;
      }
    }
    const refused = this.#judge(head, endStream);
    if (refused === null) {
      // A WebSocket may be silent for as long as it likes; its ends have pings of their own.
      if (!endStream && head.protocol === '') this.#uploads.add(leg);
      this.#context.accept(toMessage(head, endStream), leg);
    } else this.#refuse(leg, toMessage(head, endStream), refused);
  }

  // A stream whose head was malformed has no leg: it was reset before `onRequest`.

  onRejected(streamId: number, error: H2Error): void {
    const why = reasonOf(error);
    this.#context.trace.reasoned(this.connectionId, streamId, why);
    this.#event('reset', streamId, why);
  }

  onData(stream: Stream, chunk: Uint8Array, endStream: boolean): void {
    const leg = legOf(stream);
    if (leg === null) return;
    if (endStream) this.#uploads.delete(leg);
    leg.onData(chunk, endStream);
  }

  onTrailers(stream: Stream, fields: FieldList, sensitive: readonly number[] | null): void {
    legOf(stream)?.onTrailers({ fields, sensitive });
  }

  onWritable(stream: Stream): void {
    legOf(stream)?.events.onWritable();
  }

  onEndSent(stream: Stream): void {
    legOf(stream)?.onEndSent();
  }

  onReset(stream: Stream, error: H2Error): void {
    legOf(stream)?.onReset(reasonOf(error));
  }

  onStreamClosed(stream: Stream): void {
    const leg = legOf(stream);
    if (leg === null) return;
    this.#uploads.delete(leg);
    this.#streams?.delete(stream);
    leg.onClosed();
  }

  onClosed(error: H2Error | null): void {
    const why = error === null ? null : reasonOf(error);
    this.#context.trace.connectionClosed(this.connectionId, why);
    if (why !== null && error!.initiator !== 'remote') this.#event('goaway', 0, why);
  }

  /** What the gateway adds to RFC 9113 8 (D14 to D16, D19). Null: fine. */
  #judge(head: RequestHead, endStream: boolean): Reason | null {
    if (head.method === 'CONNECT') {
      if (head.protocol === '')
        return reason('connect_refused', 'this gateway opens no tunnels', { rfc: '9110 9.3.6' });
      // RFC 9220 3 has servers answer an unknown :protocol with 501.
      if (head.protocol !== 'websocket') {
        return reason('connect_refused', `the protocol "${head.protocol}" is not spoken here`, { rfc: '9220 3' });
      }
      if (endStream) return reject('a WebSocket that is closed from the start', '8441 5', 'websocket.end-stream');
    }
    if (!isAuthority(head.authority)) {
      const text =
        head.authority === ''
          ? 'the request names no authority'
          : `the authority "${head.authority}" is not a host and port`;
      return reason('client_protocol_error', text, { rfc: '9113 8.3.1', rule: 'request.authority' });
    }
    return (
      checkScheme(head.scheme, this.#tls !== null, this.#context.limits.strictScheme) ??
      this.#tls?.judgeAuthority?.(head.authority) ??
      null
    );
  }

  /** A malformed message is a stream error (RFC 9113 8.1.1); what is well formed but refused gets an answer to read. */
  #refuse(leg: Http2Leg, request: RequestMessage, why: Reason): void {
    const { trace, records } = this.#context;
    leg.settled();
    trace.reasoned(this.connectionId, leg.facts.streamId, why);
    const isMalformed = why.code === 'client_protocol_error';
    records.write(refusedRecord(leg.facts, request, why, isMalformed ? 0 : why.status));
    if (isMalformed) leg.reset(why);
    else leg.refuse(why);
  }

  #tellState(stream: Stream, leg: Http2Leg): void {
    leg.settled();
    const { fields, body } = describeState(this.connection, this.#streams!);
    this.connection.respond(stream, 200, fields, false);
    this.connection.write(stream, body, true);
  }

  #facts(streamId: number): ClientFacts {
    return {
      address: this.#client.address,
      port: this.#client.port,
      protocol: this.protocol,
      tls: this.#tls !== null,
      connectionId: this.connectionId,
      streamId,
      subject: this.#tls?.clientSubject,
    };
  }

  #event(what: ConnectionEvent['what'], streamId: number, why: Reason): void {
    this.#context.records.event({ what, client: this.#facts(streamId), reason: why });
  }
}

function legOf(stream: Stream): Http2Leg | null {
  return stream.context as Http2Leg | null;
}

/** The core has checked all of this; the gateway frames and routes by it and passes neither field on. */
function toMessage(head: RequestHead, endStream: boolean): RequestMessage {
  const { scheme, authority, path, protocol } = head;
  let { fields, sensitive } = head;
  let contentLength = -1;
  for (let i = 0; i < fields.length; i += 2) {
    if (fields[i] !== 'host' && fields[i] !== 'content-length') continue;
    const kept: string[] = [];
    const marks: number[] = [];
    for (let from = 0; from < fields.length; from += 2) {
      if (fields[from] === 'host') continue;
      if (fields[from] === 'content-length') {
        contentLength = Number(fields[from + 1]);
        continue;
      }
      if (sensitive?.includes(from)) marks.push(kept.length);
      kept.push(fields[from]!, fields[from + 1]!);
    }
    fields = kept;
    sensitive = marks.length === 0 ? null : marks;
    break;
  }
  // RFC 8441 5: what the client opens by extended CONNECT is a GET to everybody else.
  const method = protocol === '' ? head.method : 'GET';
  return { method, scheme, authority, path, fields, sensitive, hasBody: !endStream, contentLength, protocol };
}

/** What the core ends for another cause than a broken rule. */
const CODE_OF_RULE: Readonly<Record<string, ReasonCode>> = {
  'transport.closed': 'client_closed',
  'goaway.error': 'client_closed',
  'keepalive.timeout': 'client_closed',
  'idle.timeout': 'connection_retired',
  'write.stalled': 'client_write_timeout',
  'preface.timeout': 'client_header_timeout',
  'settings.timeout': 'client_header_timeout',
  'continuation.timeout': 'client_header_timeout',
  'stream.refused': 'client_over_limit',
  'headers.memory': 'client_over_limit',
  'stream.going-away': 'shutting_down',
};

/** What an error of the core means for an exchange. */
function reasonOf(error: H2Error): Reason {
  const { message, rfc, rule, code, initiator } = error;
  const known = CODE_OF_RULE[rule];
  if (known !== undefined) return reason(known, message, { rfc, rule, h2Code: code });
  if (code === ErrorCode.INADEQUATE_SECURITY) {
    return reason('client_protocol_error', message, { rfc: '9113 9.2.2', rule: 'tls.cipher', h2Code: code });
  }
  if (initiator !== 'remote') {
    const overLimit = code === ErrorCode.ENHANCE_YOUR_CALM;
    return reason(overLimit ? 'client_over_limit' : 'client_protocol_error', message, { rfc, rule, h2Code: code });
  }
  const text = `the client reset the stream with ${error.codeName}`;
  return reason('client_reset', text, { rfc: '9113 6.4', h2Code: code });
}
