import { createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import type { FieldList } from '@glassway/h2-core';
import type { ClientFacts, ClientLeg, ClientLegEvents, ResponseMessage, Trailers } from '../exchange/legs.ts';
import type { Reason } from '../exchange/reason.ts';
import { NO_EVENTS } from './context.ts';
import { hasField, responseHead, withoutField } from './http1-head.ts';
import type { Http1LegHost } from './http1-leg.ts';
import type { RawRequest } from './http1-rules.ts';
import { upgradeOffer } from './upgrade-offer.ts';

const EMPTY = new Uint8Array(0);
/** RFC 6455 1.3. */
const WEBSOCKET_GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/**
 * The client's `sec-websocket-key` when the request opens a WebSocket (RFC 6455 4.1), else null: a GET without body whose
 * Upgrade names `websocket`, Connection Upgrade, with one key.
 */
export function webSocketKey(raw: RawRequest): string | null {
  if (raw.method !== 'GET') return null;
  const offer = upgradeOffer(raw, 'sec-websocket-key');
  return offer?.connection.includes('upgrade') && offer.upgrade.includes('websocket') ? offer.value : null;
}

/**
 * One WebSocket over HTTP/1.1: a response of 2xx opens it (101 on the wire), and from then on the socket's octets are the
 * bodies. Any other response is an ordinary one, the connection's last. The client's octets wait in the socket until it
 * is open (D28). Node has let go of the socket.
 */
export class Http1Tunnel implements ClientLeg {
  readonly facts: ClientFacts;
  events: ClientLegEvents = NO_EVENTS;
  bodyOctets = 0;
  /** A WebSocket may be silent for as long as it likes; its ends have pings of their own. */
  readonly waitsForBody = false;
  readonly requestDone = true;
  readonly #socket: Socket;
  readonly #host: Http1LegHost;
  readonly #key: string;
  #headSent = false;
  #open = false;
  #held = 0;
  #needDrain = false;
  #clientEnded = false;
  #ended = false;
  #over = false;

  constructor(facts: ClientFacts, socket: Socket, key: string, host: Http1LegHost) {
    this.facts = facts;
    this.#socket = socket;
    this.#key = key;
    this.#host = host;
  }

  /** Nothing was answered yet. */
  get canStillAnswer(): boolean {
    return !this.#headSent;
  }

  /** The exchange listens now. */
  begin(): void {
    this.#socket.on('drain', () => {
      if (this.#over || !this.#needDrain) return;
      this.#needDrain = false;
      this.events.onWritable();
    });
    this.#socket.on('finish', () => this.#finish());
  }

  inform(response: ResponseMessage): void {
    if (this.#over || this.#headSent || response.status === 101) return;
    this.#socket.write(responseHead(response.status, response.fields), 'latin1');
  }

  respond(response: ResponseMessage, end: boolean): void {
    if (this.#over) return;
    this.#headSent = true;
    const opens = response.status >= 200 && response.status < 300;
    const status = opens ? 101 : response.status;
    const fields = opens ? this.#switching(response.fields) : closing(response, end);
    this.#host.trace.http1Response(this.facts.connectionId, this.facts.streamId, status, fields);
    this.#socket.write(responseHead(status, fields), 'latin1');
    if (opens) this.#openTunnel();
    if (end) this.#end();
  }

  write(chunk: Uint8Array, end: boolean): boolean {
    if (this.#over || this.#ended) return true;
    let room = true;
    if (chunk.length > 0) {
      this.#host.trace.http1Body(this.facts.connectionId, this.facts.streamId, 1, chunk.length);
      room = this.#socket.write(chunk);
    }
    if (end) this.#end();
    else if (!room) this.#needDrain = true;
    return room || end;
  }

  trailers(_trailers: Trailers): void {
    if (!this.#over && !this.#ended) this.#end();
  }

  reset(why: Reason): void {
    // After the end there is only the client's direction left to decline, which closing the socket does.
    if (this.#over || this.#ended) return;
    this.#close(why);
    const { events } = this;
    this.events = NO_EVENTS;
    events.onFinished();
    this.#host.abort();
  }

  consumed(bytes: number): void {
    if (this.#over) return;
    this.#held -= bytes;
    if (this.#socket.isPaused() && this.#held * 2 <= this.#host.bodyWindowBytes) this.#socket.resume();
  }

  // HTTP/1.1 counts by connections, which end with what was cut.
  settled(): void {}

  /** The connection is gone: tells the exchange, once. */
  lost(why: Reason, answered = 0): void {
    if (this.#over) return;
    this.#close(why);
    const { events } = this;
    this.events = NO_EVENTS;
    events.onAbort(why, answered);
  }

  #switching(fields: FieldList): FieldList {
    const switching = [...withoutField(fields, 'content-length'), 'connection', 'Upgrade', 'upgrade', 'websocket'];
    // A backend that was asked by extended CONNECT has seen no key to prove (RFC 8441 5.1).
    if (!hasField(fields, 'sec-websocket-accept')) {
      const proof = createHash('sha1').update(`${this.#key}${WEBSOCKET_GUID}`).digest('base64');
      switching.push('sec-websocket-accept', proof);
    }
    return switching;
  }

  #openTunnel(): void {
    this.#open = true;
    this.#socket.on('data', (chunk: Uint8Array) => {
      if (this.#over) return;
      this.bodyOctets += chunk.length;
      this.#host.trace.http1Body(this.facts.connectionId, this.facts.streamId, 0, chunk.length);
      this.#held += chunk.length;
      if (this.#held >= this.#host.bodyWindowBytes) this.#socket.pause();
      this.events.onBody(chunk, false);
    });
    this.#socket.on('end', () => {
      this.#clientEnded = true;
      if (!this.#over) this.events.onBody(EMPTY, true);
    });
  }

  #end(): void {
    this.#ended = true;
    this.#socket.end();
    // RFC 9112 9.6: what the client still sends is read and dropped for a while, so that no reset overtakes the end.
    if (!this.#open) this.#socket.resume();
  }

  #finish(): void {
    if (this.#over) return;
    this.#close(null);
    const { events } = this;
    this.events = NO_EVENTS;
    events.onFinished();
    if (this.#clientEnded) return;
    this.#socket.resume();
    this.#host.linger();
  }

  #close(why: Reason | null): void {
    this.#over = true;
    this.#host.trace.http1End(this.facts.connectionId, this.facts.streamId, why);
  }
}

/** An ordinary response that is the connection's last: without a length its end is the connection's. */
function closing({ status, fields }: ResponseMessage, end: boolean): FieldList {
  // RFC 9110 8.6: of a 304 it would say how long the 200 would have been.
  const length = end && status !== 304 && !hasField(fields, 'content-length') ? ['content-length', '0'] : [];
  return [...fields, ...length, 'connection', 'close'];
}
