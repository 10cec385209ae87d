import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { ClientFacts, RequestMessage } from '../exchange/legs.ts';
import { type Reason, reason } from '../exchange/reason.ts';
import { refusedRecord } from '../exchange/record.ts';
import type { ListenerContext, TlsFacts } from './context.ts';
import { headWithoutUpgrade, upgradeSettings } from './h2c-upgrade.ts';
import { responseHead } from './http1-head.ts';
import { clientClosed, Http1Leg, type Http1LegHost } from './http1-leg.ts';
import { Progress } from './http1-progress.ts';
import { judgeHttp1 } from './http1-rules.ts';
import { Http1Tunnel, webSocketKey } from './http1-tunnel.ts';
import type { Endpoint } from './proxy-protocol.ts';
import type { Drainable } from './registry.ts';
import { refusal } from './rules.ts';

/** Takes over a socket that switches to HTTP/2, with the request that asked for it. */
export type UpgradeTo = (socket: Socket, settings: Uint8Array, request: RequestMessage) => void;

/** What a connection may ask of its listener. */
export interface Http1Ways {
  /** Null: no upgrade is granted here. */
  readonly upgrade: UpgradeTo | null;
  /** Has the socket parsed on as HTTP/1. */
  readonly decline: () => void;
  /** The connection is no longer this listener's. */
  readonly released: () => void;
}

/** A request in line. Pipelined ones wait, so that one exchange at a time owns the socket. */
type Waiting =
  | { readonly kind: 'request'; readonly request: IncomingMessage; readonly response: ServerResponse }
  | { readonly kind: 'upgrade'; readonly request: IncomingMessage; readonly head: Buffer }
  | { readonly kind: 'connect'; readonly request: IncomingMessage };

/** A connection without a request has this long to send one when the gateway drains. */
const FIRST_REQUEST_MS = 1000;

const UNREAD = { fields: [], sensitive: null, hasBody: false, contentLength: -1 } as const;

/** One HTTP/1 client connection: its requests one after the other, its timeouts, its end. */
export class Http1Connection implements Drainable, Http1LegHost {
  readonly connectionId: number;
  readonly protocol = 'http/1.1';
  readonly trace: ListenerContext['trace'];
  readonly bodyWindowBytes: number;
  readonly lingerTimeoutMs: number;
  readonly maxHeaderFields: number;
  readonly #context: ListenerContext;
  readonly #socket: Socket;
  readonly #tls: TlsFacts | null;
  readonly #ways: Http1Ways;
  readonly #client: Endpoint;
  readonly #waiting: Waiting[] = [];
  readonly #onClose = (): void => this.#closed();
  #active: Http1Leg | Http1Tunnel | null = null;
  #ordinal = 0;
  #draining = false;
  /** No request is read any more: too many were waiting, or one was refused. */
  #closing = false;
  #stopping = false;
  /** What the client sent after the requests in line is not HTTP; they are answered first. */
  #failure: Reason | null = null;
  #closeReason: Reason | null = null;
  readonly #progress = new Progress();

  constructor(
    context: ListenerContext,
    socket: Socket,
    client: Endpoint,
    tls: TlsFacts | null,
    connectionId: number,
    ways: Http1Ways,
  ) {
    this.#context = context;
    this.#socket = socket;
    this.#tls = tls;
    this.#ways = ways;
    this.connectionId = connectionId;
    this.trace = context.trace;
    this.bodyWindowBytes = context.limits.bodyWindowBytes;
    this.lingerTimeoutMs = context.limits.lingerTimeoutMs;
    this.maxHeaderFields = context.limits.maxHeaderFields;
    this.#client = client;
    socket.on('close', this.#onClose);
  }

  get openExchanges(): number {
    return this.#waiting.length + (this.#active === null ? 0 : 1);
  }

  get isLast(): boolean {
    return (this.#draining || this.#closing) && this.#waiting.length === 0;
  }

  get isEnded(): boolean {
    return this.#socket.writableEnded || this.#socket.destroyed;
  }

  drain(): void {
    this.#draining = true;
    if (this.#active !== null || this.#waiting.length > 0) return;
    if (this.#ordinal > 0) this.#endSoon();
    // Whoever has just connected has a request on its way; it is served as the only one.
    else setTimeout(() => this.#endUnused(), FIRST_REQUEST_MS).unref();
  }

  #endUnused(): void {
    if (this.#ordinal === 0 && this.#active === null) this.#endSoon();
  }

  /** A request's head is complete. */
  onRequest(request: IncomingMessage, response: ServerResponse): void {
    this.#enqueue({ kind: 'request', request, response });
  }

  /** A request with Upgrade is complete and Node has let go of the socket; `head` is what followed. */
  onUpgrade(request: IncomingMessage, head: Buffer): void {
    this.#enqueue({ kind: 'upgrade', request, head });
  }

  /** A CONNECT request is complete and Node has let go of the socket. */
  onConnect(request: IncomingMessage): void {
    this.#enqueue({ kind: 'connect', request });
  }

  /** What the client sent is not HTTP, or it took too long. Null: the socket is broken. */
  onClientError(why: Reason | null): void {
    if (why === null) {
      this.#socket.destroy();
      return;
    }
    if (this.#failure !== null) return;
    this.#failure = why;
    const leg = this.#active;
    if (leg === null) this.#next();
    else if (!leg.requestDone) this.#breakOff(leg, why);
  }

  /** Looks after the timeouts; called at every check interval. `now` in milliseconds. */
  sweep(now: number): void {
    const leg = this.#active;
    if (leg === null) return;
    const why = this.#progress.check(leg, this.#socket, this.#context.limits, now);
    if (why !== null) this.#breakOff(leg, why);
  }

  legDone(): void {
    this.#active = null;
    this.#next();
  }

  abort(): void {
    // A response without framing ends with its connection: only a reset, which only TCP has, tells that it is not complete.
    if (this.#tls !== null || this.#socket.remoteAddress === undefined) this.#socket.destroy();
    else this.#socket.resetAndDestroy();
  }

  #enqueue(item: Waiting): void {
    if (this.#failure !== null || this.isEnded) return;
    if (this.#closing || this.#waiting.length >= this.#context.limits.maxPipelined) {
      this.#closing = true;
      this.#stopReading();
      return;
    }
    this.#waiting.push(item);
    if (this.#active === null && this.#waiting.length === 1) this.#next();
  }

  /** Node keeps every request it reads until the one before is answered: a client that goes on must not fill the memory. */
  #stopReading(): void {
    if (this.#stopping) return;
    this.#stopping = true;
    // Node goes on reading after every complete request; that happens in the ticks before this.
    queueMicrotask(() => {
      this.#stopping = false;
      if (!this.isEnded) this.#socket.pause();
    });
  }

  #next(): void {
    if (this.isEnded) return;
    const item = this.#waiting.shift();
    if (item !== undefined) {
      if (item.kind === 'request') this.#start(item.request, item.response);
      else if (item.kind === 'upgrade') this.#switch(item.request, item.head);
      else this.#refuseConnect(item.request);
    } else if (this.#failure !== null) {
      const client = this.#factsOf('http/1.1', 0);
      this.#context.records.event({ what: 'response', client, reason: this.#failure });
      this.#answerAndEnd(this.#failure, 0, true);
    } else if (this.#draining || this.#closing) {
      this.#endSoon();
    }
  }

  #start(request: IncomingMessage, response: ServerResponse): void {
    const message = this.#judge(request);
    if (message === null) return;
    const leg = new Http1Leg(this.#facts(request), message, request, response, this);
    this.#active = leg;
    this.#progress.restart();
    // Those in line are still served; no more are taken in.
    if (this.#ordinal === this.#context.limits.maxRequestsPerConnection) this.#closing = true;
    this.#context.accept(message, leg);
    leg.begin();
  }

  #facts(request: IncomingMessage): ClientFacts {
    return this.#factsOf(request.httpVersion === '1.0' ? 'http/1.0' : 'http/1.1', this.#ordinal);
  }

  #factsOf(protocol: ClientFacts['protocol'], ordinal: number): ClientFacts {
    return {
      address: this.#client.address,
      port: this.#client.port,
      protocol,
      tls: this.#tls !== null,
      connectionId: this.connectionId,
      streamId: ordinal,
      subject: this.#tls?.clientSubject,
    };
  }

  /** The request, when it may be served. Otherwise it is refused and the connection closed: its framing is in doubt. */
  #judge(request: IncomingMessage): RequestMessage | null {
    const ordinal = ++this.#ordinal;
    const { method, url, rawHeaders } = request;
    this.trace.http1Request(this.connectionId, ordinal, method ?? '', url ?? '', rawHeaders);
    const { limits } = this.#context;
    const verdict = judgeHttp1(request, {
      tls: this.#tls !== null,
      strictScheme: limits.strictScheme,
      maxHeaderFields: limits.maxHeaderFields,
    });
    const refused = verdict.refused ?? this.#tls?.judgeAuthority?.(verdict.request.authority) ?? null;
    if (refused === null) return verdict.request;
    request.resume();
    this.#refused(request, verdict.request, refused);
    this.#answerAndEnd(refused, ordinal, method !== 'HEAD');
    this.trace.http1End(this.connectionId, ordinal, refused);
    return null;
  }

  /** Records what never became an exchange. `judged` is null when the head itself cannot be trusted. */
  #refused(
    { method = '', url = '', headers, httpVersion }: IncomingMessage,
    judged: RequestMessage | null,
    why: Reason,
  ) {
    const scheme = this.#tls === null ? 'http' : 'https';
    const authority = method === 'CONNECT' ? url : (headers.host ?? '');
    const path = method === 'CONNECT' ? '' : url;
    const request = judged ?? { ...UNREAD, method, scheme, authority, path };
    const client = this.#factsOf(httpVersion === '1.0' ? 'http/1.0' : 'http/1.1', this.#ordinal);
    this.#context.records.write(refusedRecord(client, request, why, why.status));
  }

  #switch(request: IncomingMessage, head: Buffer): void {
    const socket = this.#socket;
    const { upgrade } = this.#ways;
    const settings = upgrade === null || this.#draining ? null : upgradeSettings(request);
    if (upgrade !== null && settings !== null) {
      const message = this.#judge(request);
      if (message === null) return;
      if (head.length > 0) socket.unshift(head);
      // From here on the socket's end is another's to report.
      socket.removeListener('close', this.#onClose);
      this.#ways.released();
      this.trace.http1End(this.connectionId, this.#ordinal, null);
      this.trace.connectionClosed(this.connectionId, null);
      upgrade(socket, settings, message);
      return;
    }
    const key = this.#context.limits.webSocket && !this.#draining ? webSocketKey(request) : null;
    if (key !== null) {
      this.#tunnel(request, head, key);
      return;
    }
    // Node has stopped parsing, and does not tell body octets from what follows: start over without the offer.
    socket.unshift(Buffer.concat([headWithoutUpgrade(request), head]));
    this.#ways.decline();
  }

  #tunnel(request: IncomingMessage, head: Buffer, key: string): void {
    const message = this.#judge(request);
    if (message === null) return;
    if (head.length > 0) this.#socket.unshift(head);
    this.#closing = true;
    const leg = new Http1Tunnel(this.#facts(request), this.#socket, key, this);
    this.#active = leg;
    this.#progress.restart();
    this.#context.accept({ ...message, protocol: 'websocket', hasBody: true, contentLength: -1 }, leg);
    leg.begin();
  }

  #refuseConnect(request: IncomingMessage): void {
    const ordinal = ++this.#ordinal;
    const why = reason('connect_refused', 'this gateway opens no tunnels', { rfc: '9110 9.3.6' });
    this.trace.http1Request(this.connectionId, ordinal, 'CONNECT', request.url ?? '', request.rawHeaders);
    this.#refused(request, null, why);
    this.#answerAndEnd(why, ordinal, true);
    this.trace.http1End(this.connectionId, ordinal, why);
  }

  giveUp(leg: Http1Leg, why: Reason): void {
    this.#breakOff(leg, why);
  }

  /** The request cannot be read to its end: says so when nothing was answered yet, and closes. */
  #breakOff(leg: Http1Leg | Http1Tunnel, why: Reason): void {
    this.#closeReason = why;
    this.#active = null;
    this.#waiting.length = 0;
    const { canStillAnswer } = leg;
    if (canStillAnswer) this.#answerAndEnd(why, leg.facts.streamId, true);
    leg.lost(why, canStillAnswer ? why.status : 0);
    if (!canStillAnswer) this.abort();
  }

  /** Past Node's response objects, which belong to requests: some of these answers have none, and the ordinal 0. */
  #answerAndEnd(why: Reason, ordinal: number, withBody: boolean): void {
    this.#closing = true;
    this.#waiting.length = 0;
    this.#closeReason = why;
    const { fields, body } = refusal(why, this.#context.reasonHeader);
    if (ordinal !== 0) this.trace.http1Response(this.connectionId, ordinal, why.status, fields);
    this.trace.reasoned(this.connectionId, ordinal, why);
    this.#socket.write(responseHead(why.status, [...fields, 'connection', 'close']) + (withBody ? body : ''));
    this.#endSoon();
  }

  /** Ends our side, and the client's when it does not: RFC 9112 9.6, so that a reset does not overtake the answer. */
  #endSoon(): void {
    const socket = this.#socket;
    if (socket.destroyed || socket.writableEnded) return;
    socket.end();
    socket.resume();
    this.linger();
  }

  linger(): void {
    const socket = this.#socket;
    const timer = setTimeout(() => socket.destroy(), this.lingerTimeoutMs);
    socket.once('close', () => clearTimeout(timer));
  }

  #closed(): void {
    this.#ways.released();
    this.#waiting.length = 0;
    this.#active?.lost(clientClosed());
    this.#active = null;
    this.trace.connectionClosed(this.connectionId, this.#closeReason);
  }
}
