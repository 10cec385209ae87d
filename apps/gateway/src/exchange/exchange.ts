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
import { type ForwardPolicy, forwardRequestTrailers } from '../fields.ts';
import { forwardResponse, forwardTrailers } from '../fields-response.ts';
import { editFields } from '../routing/field-edit.ts';
import type { Route, Router } from '../routing/router.ts';
import { withContext } from '../telemetry/trace-context.ts';
import type { Tracer } from '../telemetry/tracer.ts';
import type { Trace } from '../trace/trace.ts';
import type { PoolGuest } from '../upstream/pool.ts';
import { Attempt } from './attempt.ts';
import { type ExchangeState, stateOf } from './exchange-state.ts';
import { Held } from './held.ts';
import type { BackendLeg, ClientLeg, ClientLegEvents, RequestMessage, ResponseMessage, Trailers } from './legs.ts';
import { type OwnResponse, ownResponse } from './own-response.ts';
import { planOf } from './plan.ts';
import { type Reason, reason } from './reason.ts';
import { ExchangeRecord, type RecordSink } from './record.ts';
import { mayRetry } from './retry.ts';
import { Seat } from './seat.ts';
import { Upload } from './upload.ts';

/** What exchanges share. */
export interface ExchangeContext {
  /** Of the newest revision; an exchange keeps the route it took. */
  router: Router;
  policy: ForwardPolicy;
  /** See `HeldTotal`. */
  heldBytes: number;
  /** Above this many held octets new requests are refused; 0: no limit. */
  maxHeldBytes: number;
  readonly trace: Trace;
  /** Where finished exchanges are recorded; null: nowhere. */
  readonly records: RecordSink | null;
  /** Name of the response field that carries the reason of responses the gateway makes; empty: none. */
  readonly reasonHeader: string;
  /** Open exchanges that are tunnels; whoever closes the gateway ends them. */
  readonly tunnels: Set<Exchange>;
  /** All open exchanges. */
  readonly open: Set<Exchange>;
  /** Gives requests their place in a trace; null: nobody traces. */
  readonly tracer: Tracer | null;
  /** Milliseconds, monotonic. */
  readonly clock: () => number;
}

const UPLOAD_STOPPED = reason('upload_stopped', 'the response was complete before the request', { rfc: '9113 8.1' });

/** Takes a request from a listener. The leg's `events` are set when this returns. */
export function accept(context: ExchangeContext, request: RequestMessage, client: ClientLeg): void {
  const exchange = new Exchange(context, client, request);
  client.events = exchange;
  exchange.start();
}

/** The state of one exchange; its methods from `onBody` to `onFinished` are what the client's leg tells. */
export class Exchange implements ClientLegEvents, PoolGuest {
  readonly #context: ExchangeContext;
  readonly #client: ClientLeg;
  readonly #record: ExchangeRecord;
  /** As it goes to the backends; null until routed. */
  #forwarded: RequestMessage | null = null;
  #route: Route | null = null;
  /** Null: it goes to no pool. */
  #seat: Seat | null = null;
  waitingSince = 0;
  place = -1;
  /** The backend's side; null: there is none (any more). */
  #attempt: Attempt | null = null;

  readonly #held: Held;
  readonly #upload: Upload;

  /** What the trace was told last; a request may move from one connection to another. */
  #pairedConnection = 0;
  #pairedStream = 0;

  #responded = false;
  #settled = false;
  /** A backend has perhaps not heard yet that its work was given up. */
  #backendBusy = false;

  constructor(context: ExchangeContext, client: ClientLeg, request: RequestMessage) {
    this.#context = context;
    this.#client = client;
    this.#held = new Held(context);
    this.#record = new ExchangeRecord(client.facts, request, context.clock());
    this.#upload = new Upload(client, this.#held, request.hasBody);
  }

  /** Routes the request and sends it to the first backend, answers it, or refuses it. */
  start(): void {
    this.#context.open.add(this);
    if (this.#isTunnel) this.#context.tunnels.add(this);
    const plan = planOf(this.#context, this.#record.request, this.#client.facts, this);
    if (plan.kind === 'refuse') {
      this.#refuse(plan.why);
      return;
    }
    this.#route = plan.route;
    if (plan.kind === 'answer') {
      this.#answer(plan.response);
      return;
    }
    const { pool } = plan.forward;
    this.#seat = new Seat(pool);
    this.#forwarded = plan.message;
    const entry = pool.enter(this);
    if (entry === 'entered') this.proceed();
    else if (entry !== 'waiting') this.#refuse(entry);
  }

  /** It is its turn in the pool. */
  proceed(): void {
    this.#seat!.entered();
    this.#send();
  }

  /** Its turn did not come in time. */
  reject(why: Reason): void {
    this.#refuse(why);
  }

  get #isTunnel(): boolean {
    const { protocol } = this.#record.request;
    return protocol !== undefined && protocol !== '';
  }

  /** What it is and what it waits for. */
  get state(): ExchangeState {
    return stateOf(this.#record, this.#context.clock(), this.#waits);
  }

  get #waits(): string {
    const { assignedAt, firstByteAt } = this.#record;
    if (this.#isTunnel && this.#responded) return 'the end of a tunnel (WebSocket)';
    if (!this.#responded) {
      if (this.place >= 0) return `its turn for ${this.#seat!.pool.name}`;
      if (assignedAt < 0) return 'a connection to the backend';
      if (!this.#upload.ended) return this.#held.up > 0 ? 'the backend to read the request' : 'the rest of the request';
      return 'the response of the backend';
    }
    if (this.#held.down > 0) return 'the client to read the response';
    const isDelivered = firstByteAt >= 0 && (this.#attempt === null || !this.#attempt.live);
    return isDelivered ? 'the client to take the rest of the response' : 'the rest of the response from the backend';
  }

  /** Tells the backend its place in the trace. */
  traced(fields: FieldList): FieldList {
    const { tracer } = this.#context;
    if (tracer === null) return fields;
    const span = tracer.begin(fields);
    this.#record.span = span;
    return withContext(fields, span);
  }

  #send(): void {
    const { backend } = this.#seat!.choose(this.#record.request, this.#client.facts);
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
    this.#upload.body(chunk, end, this.#assignedLeg, this.#isBackendAwaited);
  }

  onTrailers(trailers: Trailers): void {
    const action = this.#route?.action;
    const edit = action?.kind === 'forward' ? action.request : null;
    const kept = forwardRequestTrailers(trailers, this.#context.policy, edit);
    this.#upload.trailers(kept, this.#assignedLeg, this.#isBackendAwaited);
  }

  /** The backend's leg, once it has a connection. */
  get #assignedLeg(): BackendLeg | null {
    return this.#record.assignedAt < 0 ? null : (this.#attempt?.leg ?? null);
  }

  /** Some backend has the request, or will have. */
  get #isBackendAwaited(): boolean {
    return this.#attempt !== null || this.place >= 0;
  }

  onWritable(): void {
    const bytes = this.#held.takeDown();
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
    if (this.#attempt?.live && !this.#upload.ended) {
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
    this.#upload.giveBack();
    this.#settle();
    this.#client.reset(why);
  }

  // What the backend's leg tells, through the attempt while that is the current one.

  /** A connection was found: what has been waiting for it goes out. */
  assigned(leg: BackendLeg): void {
    const record = this.#record;
    const { connectionId, streamId } = leg;
    if (connectionId !== this.#pairedConnection || streamId !== this.#pairedStream) {
      this.#pairedConnection = connectionId;
      this.#pairedStream = streamId;
      this.#context.trace.paired(record.client.connectionId, record.client.streamId, connectionId, streamId);
    }
    if (record.assignedAt >= 0) return;
    record.assignedAt = this.#context.clock();
    this.#upload.passOn(leg);
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
    this.#seat!.succeeded();
    const edit = this.#route!.response;
    const forwarded = forwardResponse(response);
    this.#client.respond(edit === null ? forwarded : editFields(forwarded, edit), end);
    if (end) this.#responseComplete();
  }

  /** Response body. */
  delivered(leg: BackendLeg, chunk: Uint8Array, end: boolean): void {
    this.#record.bytesDown += chunk.length;
    if (!this.#client.write(chunk, end)) this.#held.holdDown(chunk.length);
    else if (chunk.length > 0) leg.consumed(chunk.length);
    if (end) this.#responseComplete();
  }

  /** The response ended with trailers. */
  ended(trailers: Trailers): void {
    this.#client.trailers(forwardTrailers(trailers));
    this.#responseComplete();
  }

  /** The backend takes request body again. */
  drained(): void {
    this.#upload.giveBack();
  }

  /** The backend wants no more of the request body, while its response goes on (D30). */
  stopped(): void {
    this.#upload.stopped = true;
    this.#upload.giveBack();
  }

  /** The backend has heard that its work was given up. */
  backendSettled(): void {
    this.#backendBusy = false;
    if (this.#settled) this.#leave();
  }

  /** The attempt failed and is over. */
  failed(why: Reason): void {
    const seat = this.#seat!;
    seat.failed(why);
    if (this.#responded) {
      this.#record.reason = why;
      this.#reasoned(why);
      this.#attempt = null;
      this.#upload.giveBack();
      this.#settle();
      this.#client.reset(why);
    } else if (!this.#upload.begun && mayRetry(why, seat.pool, this.#record)) {
      this.#record.assignedAt = -1;
      this.#send();
    } else {
      this.#refuse(why);
    }
  }

  #responseComplete(): void {
    const attempt = this.#attempt;
    if (attempt === null) return;
    // The two directions of a tunnel end by themselves (RFC 8441 5.1): the client may still have something to say.
    if (this.#forwarded?.protocol && !this.#upload.ended) return;
    // Its leg stays for `consumed`: a slow client may still hold back octets of the backend's connection.
    attempt.live = false;
    attempt.complete = this.#upload.ended;
    this.#seat!.release();
    if (this.#upload.ended) {
      // The backend answered before its leg was writable again.
      this.#upload.giveBack();
      return;
    }
    this.#cancelBackend(UPLOAD_STOPPED);
    this.#declineRest();
  }

  /** RFC 9113 8.1: after a complete response the rest of the request is declined with NO_ERROR (D30). */
  #declineRest(): void {
    this.#upload.giveBack();
    if (this.#upload.ended) return;
    if (this.#record.reason === null) {
      this.#record.reason = UPLOAD_STOPPED;
      this.#reasoned(UPLOAD_STOPPED);
    }
    this.#client.reset(UPLOAD_STOPPED);
  }

  /** Answers in the gateway's own name; the status and reason tell why. */
  #refuse(why: Reason): void {
    this.#attempt = null;
    this.#upload.dropEarly();
    this.#reasoned(why);
    this.#record.reason = why;
    this.#answer(ownResponse(this.#record.request, why, this.#context.reasonHeader));
  }

  /** Answers without a backend. */
  #answer(own: OwnResponse): void {
    this.#record.status = own.status;
    this.#record.firstByteAt = this.#context.clock();
    this.#responded = true;
    if (own.body !== null) this.#record.bytesDown += own.body.length;
    const edit = this.#record.reason === null && this.#route !== null ? this.#route.response : null;
    const response = { status: own.status, fields: own.fields, sensitive: null };
    this.#client.respond(edit === null ? response : editFields(response, edit), own.body === null);
    if (own.body !== null) this.#client.write(own.body, true);
    this.#declineRest();
  }

  #cancelBackend(why: Reason): void {
    const attempt = this.#attempt;
    this.#attempt = null;
    if (this.place >= 0) this.#seat!.forget(this);
    this.#upload.dropEarly();
    this.#seat?.release();
    if (attempt === null) return;
    attempt.live = false;
    const leg = attempt.leg!;
    // The octets nobody waits for still count against the backend connection's window.
    const withheld = this.#held.takeDown();
    if (withheld > 0) leg.consumed(withheld);
    if (!attempt.complete) this.#backendBusy = !leg.cancel(why);
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
    this.#held.takeUp();
    this.#held.takeDown();
    this.#seat?.release();
    this.#context.records?.write(this.#record);
    if (!this.#backendBusy) this.#leave();
  }

  /** No backend works for it any more. */
  #leave(): void {
    this.#seat?.leave();
    this.#client.settled();
  }
}
