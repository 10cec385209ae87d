/**
 * One request and its response: joins the client's leg to a backend's leg by direct calls.
 *
 *     client leg --onBody--> Exchange --write--> backend leg
 *     client leg <--write--- Exchange <--onBody-- backend leg
 *
 * Nothing is stored here but a request body's first octets while no connection has been found (so that another backend
 * can be tried). When a leg's `write` answers false, the octets are not given back to the other leg's windows until it
 * is writable again, and so the sender stops. Each side's end, reset and failure is passed to the other.
 */
import type { FieldList } from '@glassway/h2-core';
import { type ForwardPolicy, forwardRequest } from '../fields.ts';
import { forwardResponse, forwardTrailers } from '../fields-response.ts';
import { normalizePath, type Pool, type Router } from '../route.ts';
import type { Trace } from '../trace/trace.ts';
import { Attempt } from './attempt.ts';
import type { ExchangeState } from './exchange-state.ts';
import type { BackendLeg, ClientLeg, ClientLegEvents, RequestMessage, ResponseMessage } from './legs.ts';
import { ownResponse } from './own-response.ts';
import { type Reason, reason } from './reason.ts';
import { ExchangeRecord, type RecordSink } from './record.ts';

/** What exchanges share. */
export interface ExchangeContext {
  readonly router: Router;
  readonly policy: ForwardPolicy;
  readonly trace: Trace;
  /** Where finished exchanges are recorded; null: nowhere. */
  readonly records: RecordSink | null;
  /** Name of the response field that carries the reason of responses the gateway makes; empty: none. */
  readonly reasonHeader: string;
  /** Open exchanges that are tunnels; whoever closes the gateway ends them. */
  readonly tunnels: Set<Exchange>;
  /** All open exchanges. */
  readonly open: Set<Exchange>;
  /** Milliseconds, monotonic. */
  readonly clock: () => number;
}

/** How often a request is sent at most. It is sent again only when certainly no backend has processed it. */
export const MAX_ATTEMPTS = 3;

const UPLOAD_STOPPED = reason('upload_stopped', 'the response was complete before the request', { rfc: '9113 8.1' });

/** Failures of dialling: trying the same backend again at once would only fail again. */
const DIAL_FAILURES: ReadonlySet<string> = new Set([
  'backend_refused',
  'backend_unreachable',
  'backend_connect_timeout',
]);

/** Takes a request from a listener. The leg's `events` are set when this returns. */
export function accept(context: ExchangeContext, request: RequestMessage, client: ClientLeg): void {
  const exchange = new Exchange(context, client, request);
  client.events = exchange;
  exchange.start();
}

/** The state of one exchange; its methods from `onBody` to `onFinished` are what the client's leg tells. */
export class Exchange implements ClientLegEvents {
  readonly #context: ExchangeContext;
  readonly #client: ClientLeg;
  readonly #record: ExchangeRecord;
  /** As it goes to the backends; null until routed. */
  #forwarded: RequestMessage | null = null;
  #pool: Pool | null = null;
  /** The backend's side; null: there is none (any more). */
  #attempt: Attempt | null = null;

  /** Request body that came before a connection was found, and is given back to the client's window when passed on. */
  #early: Uint8Array[] = [];
  #earlyTrailers: FieldList | null = null;
  /** Something of the body was passed on, so it cannot be sent again. */
  #bodyBegun = false;
  #requestEnded: boolean;
  /** Nobody wants the rest of the request. */
  #uploadStopped = false;
  /** Octets passed on to a leg that is full, not yet given back to the leg they came from. */
  #withheldUp = 0;
  #withheldDown = 0;

  #responded = false;
  #settled = false;
  /** A backend has perhaps not heard yet that its work was given up. */
  #backendBusy = false;

  constructor(context: ExchangeContext, client: ClientLeg, request: RequestMessage) {
    this.#context = context;
    this.#client = client;
    this.#record = new ExchangeRecord(client.facts, request, context.clock());
    this.#requestEnded = !request.hasBody;
  }

  /** Routes the request and sends it to the first backend, or refuses it. */
  start(): void {
    this.#context.open.add(this);
    if (this.#isTunnel) this.#context.tunnels.add(this);
    const refused = this.#route();
    if (refused === null) this.#send();
    else this.#refuse(refused);
  }

  get #isTunnel(): boolean {
    const { protocol } = this.#record.request;
    return protocol !== undefined && protocol !== '';
  }

  /** What it is and what it waits for. */
  get state(): ExchangeState {
    const { client, request, startedAt, backend, bytesUp, bytesDown } = this.#record;
    const { address, port, protocol, connectionId: connection, streamId: stream } = client;
    const { method, scheme, authority, path } = request;
    const ageMs = this.#context.clock() - startedAt;
    const url = `${scheme}://${authority}${path}`;
    const waits = this.#waits;
    const from = address === '' ? 'unix' : `${address.includes(':') ? `[${address}]` : address}:${port}`;
    return { connection, stream, client: from, protocol, method, url, backend, ageMs, waits, bytesUp, bytesDown };
  }

  get #waits(): string {
    const { assignedAt, firstByteAt } = this.#record;
    if (this.#isTunnel && this.#responded) return 'the end of a tunnel (WebSocket)';
    if (!this.#responded) {
      if (assignedAt < 0) return 'a connection to the backend';
      if (!this.#requestEnded)
        return this.#withheldUp > 0 ? 'the backend to read the request' : 'the rest of the request';
      return 'the response of the backend';
    }
    if (this.#withheldDown > 0) return 'the client to read the response';
    const isDelivered = firstByteAt >= 0 && (this.#attempt === null || !this.#attempt.live);
    return isDelivered ? 'the client to take the rest of the response' : 'the rest of the response from the backend';
  }

  #route(): Reason | null {
    const { router, policy } = this.#context;
    const request = this.#record.request;
    const { method, scheme, authority, hasBody, contentLength, protocol = '' } = request;
    if (method === 'CONNECT') return reason('connect_refused', 'CONNECT is not offered here', { rfc: '9110 9.3.6' });
    const path = normalizePath(request.path);
    if (path === null) {
      return reason('request_rejected', `the path ${request.path} has no safe reading`, {
        rfc: '3986 2.1',
        rule: 'request.path',
      });
    }
    this.#pool = router.match(authority, path);
    if (this.#pool === null) return reason('no_route', `no backend serves ${authority}${path}`);
    const { fields, sensitive, refused } = forwardRequest(request, this.#client.facts, policy);
    this.#forwarded = { method, scheme, authority, path, fields, sensitive, hasBody, contentLength, protocol };
    return refused;
  }

  #send(): void {
    const backend = this.#pool!.next();
    this.#record.attempts++;
    this.#record.backend = backend.url;
    const attempt = new Attempt(this);
    this.#attempt = attempt;
    attempt.leg = backend.send(this.#forwarded!, attempt);
    if (attempt.leg.connectionId !== 0) this.assigned(attempt.leg);
    else this.#context.trace.waiting(this.#record.client.connectionId, this.#record.client.streamId, backend.url);
  }

  onBody(chunk: Uint8Array, end: boolean): void {
    this.#record.bytesUp += chunk.length;
    if (end) this.#requestEnded = true;
    const leg = this.#attempt?.leg;
    if (!leg || this.#uploadStopped) {
      // Dropped, but given back: other streams of the client's connection need the window.
      if (chunk.length > 0) this.#client.consumed(chunk.length);
    } else if (this.#record.assignedAt < 0) {
      this.#early.push(chunk);
    } else {
      this.#bodyBegun = true;
      if (!leg.write(chunk, end)) this.#withheldUp += chunk.length;
      else if (chunk.length > 0) this.#client.consumed(chunk.length);
    }
  }

  onTrailers(fields: FieldList): void {
    this.#requestEnded = true;
    const leg = this.#attempt?.leg;
    if (!leg || this.#uploadStopped) return;
    const kept = forwardTrailers(fields);
    if (this.#record.assignedAt < 0) {
      this.#earlyTrailers = kept;
    } else {
      this.#bodyBegun = true;
      leg.trailers(kept);
    }
  }

  onWritable(): void {
    const bytes = this.#withheldDown;
    this.#withheldDown = 0;
    if (bytes > 0) this.#attempt?.leg?.consumed(bytes);
  }

  onAbort(why: Reason, answered = 0): void {
    if (this.#settled) return;
    if (answered !== 0) this.#record.status = answered;
    this.#record.reason = why;
    this.#cancelBackend(why);
    this.#settle();
  }

  onFinished(): void {
    if (this.#settled) return;
    // A tunnel whose client takes no interest in the other direction any more.
    if (this.#attempt?.live && !this.#requestEnded) {
      this.#cancelBackend(UPLOAD_STOPPED);
      this.#declineRest();
    }
    // Nothing is waiting in the client's leg any more, whether that said so or not.
    this.onWritable();
    this.#settle();
  }

  /** Cuts a tunnel off, which has no end of its own that could be waited for. */
  endTunnel(why: Reason): void {
    if (this.#settled) return;
    this.#cancelBackend(why);
    if (!this.#responded) {
      this.#refuse(why);
      return;
    }
    this.#record.reason = why;
    this.#reasoned(why);
    this.#giveBackUp();
    this.#settle();
    this.#client.reset(why);
  }

  // What the backend's leg tells, through the attempt while that is the current one.

  /** A connection was found: what has been waiting for it goes out. */
  assigned(leg: BackendLeg): void {
    const record = this.#record;
    if (record.assignedAt >= 0) return;
    record.assignedAt = this.#context.clock();
    this.#context.trace.paired(record.client.connectionId, record.client.streamId, leg.connectionId, leg.streamId);
    const early = this.#early;
    const trailers = this.#earlyTrailers;
    if (early.length === 0 && trailers === null) return;
    this.#early = [];
    this.#bodyBegun = true;
    let passed = 0;
    for (let i = 0; i < early.length; i++) {
      const chunk = early[i]!;
      const last = this.#requestEnded && trailers === null && i === early.length - 1;
      if (leg.write(chunk, last)) passed += chunk.length;
      else this.#withheldUp += chunk.length;
    }
    if (trailers !== null) leg.trailers(trailers);
    // Only now, because it may bring the next octets at once, and they belong after these.
    if (passed > 0) this.#client.consumed(passed);
  }

  /** A 1xx response. */
  informed(response: ResponseMessage): void {
    if (!this.#responded) this.#client.inform(forwardResponse(response));
  }

  /** The final response's head. */
  responded(response: ResponseMessage, end: boolean): void {
    this.#record.firstByteAt = this.#context.clock();
    this.#record.status = response.status;
    this.#responded = true;
    this.#client.respond(forwardResponse(response), end);
    if (end) this.#responseComplete();
  }

  /** Response body. */
  delivered(leg: BackendLeg, chunk: Uint8Array, end: boolean): void {
    this.#record.bytesDown += chunk.length;
    if (!this.#client.write(chunk, end)) this.#withheldDown += chunk.length;
    else if (chunk.length > 0) leg.consumed(chunk.length);
    if (end) this.#responseComplete();
  }

  /** The response ended with trailers. */
  ended(fields: FieldList): void {
    this.#client.trailers(forwardTrailers(fields));
    this.#responseComplete();
  }

  /** The backend takes request body again. */
  drained(): void {
    this.#giveBackUp();
  }

  /** The backend wants no more of the request body, while its response goes on (D30). */
  stopped(): void {
    this.#uploadStopped = true;
    this.#giveBackUp();
  }

  /** The backend has heard that its work was given up. */
  backendSettled(): void {
    this.#backendBusy = false;
    if (this.#settled) this.#client.settled();
  }

  /** The attempt failed and is over. */
  failed(why: Reason): void {
    if (this.#responded) {
      this.#record.reason = why;
      this.#reasoned(why);
      this.#attempt = null;
      this.#giveBackUp();
      this.#settle();
      this.#client.reset(why);
    } else if (this.#mayRetry(why)) {
      this.#record.assignedAt = -1;
      this.#send();
    } else {
      this.#refuse(why);
    }
  }

  #mayRetry(why: Reason): boolean {
    if (!why.retryable || this.#bodyBegun) return false;
    const most = DIAL_FAILURES.has(why.code) ? this.#pool!.backends.length : MAX_ATTEMPTS;
    return this.#record.attempts < Math.min(most, MAX_ATTEMPTS);
  }

  #responseComplete(): void {
    const attempt = this.#attempt;
    if (attempt === null) return;
    // The two directions of a tunnel end by themselves (RFC 8441 5.1): the client may still have something to say.
    if (this.#forwarded?.protocol && !this.#requestEnded) return;
    // Its leg stays for `consumed`: a slow client may still hold back octets of the backend's connection.
    attempt.live = false;
    attempt.complete = this.#requestEnded;
    if (this.#requestEnded) {
      // The backend answered before its leg was writable again.
      this.#giveBackUp();
      return;
    }
    this.#cancelBackend(UPLOAD_STOPPED);
    this.#declineRest();
  }

  /** RFC 9113 8.1: after a complete response the rest of the request is declined with NO_ERROR (D30). */
  #declineRest(): void {
    this.#giveBackUp();
    if (this.#requestEnded) return;
    this.#record.reason ??= UPLOAD_STOPPED;
    this.#client.reset(UPLOAD_STOPPED);
  }

  /** Answers in the gateway's own name; the status and reason tell why. */
  #refuse(why: Reason): void {
    const { request } = this.#record;
    this.#attempt = null;
    this.#dropEarly();
    this.#reasoned(why);
    const own = ownResponse(request, why, this.#context.reasonHeader);
    this.#record.reason = why;
    this.#record.status = own.status;
    this.#record.firstByteAt = this.#context.clock();
    this.#responded = true;
    if (own.body !== null) this.#record.bytesDown += own.body.length;
    this.#client.respond({ status: own.status, fields: own.fields, sensitive: null }, own.body === null);
    if (own.body !== null) this.#client.write(own.body, true);
    this.#declineRest();
  }

  #cancelBackend(why: Reason): void {
    const attempt = this.#attempt;
    this.#attempt = null;
    this.#dropEarly();
    if (attempt === null) return;
    attempt.live = false;
    const leg = attempt.leg!;
    // The octets nobody waits for still count against the backend connection's window.
    if (this.#withheldDown > 0) leg.consumed(this.#withheldDown);
    this.#withheldDown = 0;
    if (!attempt.complete) this.#backendBusy = !leg.cancel(why);
  }

  #giveBackUp(): void {
    const bytes = this.#withheldUp;
    this.#withheldUp = 0;
    if (bytes > 0) this.#client.consumed(bytes);
  }

  #dropEarly(): void {
    for (const chunk of this.#early) this.#withheldUp += chunk.length;
    this.#early = [];
    this.#earlyTrailers = null;
  }

  #reasoned(why: Reason): void {
    const { connectionId, streamId } = this.#record.client;
    this.#context.trace.reasoned(connectionId, streamId, why);
  }

  /** Nothing more will happen: the record is complete. */
  #settle(): void {
    this.#settled = true;
    this.#context.open.delete(this);
    if (this.#isTunnel) this.#context.tunnels.delete(this);
    this.#record.finishedAt = this.#context.clock();
    this.#context.records?.write(this.#record);
    if (!this.#backendBusy) this.#client.settled();
  }
}
