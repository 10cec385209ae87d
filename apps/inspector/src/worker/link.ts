/**
 * The connection to the gateway: AUTH, HELLO, SUBSCRIBE, and again after a pause when it broke. What comes in goes to
 * the `LinkEvents`; nothing here knows what frames are.
 */
import {
  BinaryKind,
  type ClientMessage,
  CloseCode,
  type Events,
  encodeMessage,
  type Fields,
  type Hello,
  PROTOCOL_VERSION,
  parseLog,
  parseServerMessage,
  RECORD_BYTES,
  readBinaryHeader,
  type ServerMessage,
  SUBPROTOCOL,
} from '@glassway/inspector-protocol';
import type { LinkState } from '../feed/model.ts';

/** What the link needs of a WebSocket; a test brings its own. */
export interface Socket {
  binaryType: string;
  onopen: ((event: unknown) => void) | null;
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  onclose: ((event: { readonly code: number; readonly reason: string }) => void) | null;
  send(text: string): void;
  close(code?: number): void;
}

/** Everything outside: sockets, time, chance. */
export interface LinkHost {
  open(url: string, subprotocol: string): Socket;
  now(): number;
  random(): number;
  setTimer(call: () => void, ms: number): number;
  clearTimer(id: number): void;
}

/** Who listens. */
export interface LinkEvents {
  onState(state: LinkState): void;
  /** After a good AUTH; subscribe now. */
  onHello(hello: Hello): void;
  onMessage(message: ServerMessage): void;
  /** FIELDS or EVENTS, and how many octets they were. */
  onLog(message: Fields | Events, bytes: number): void;
  onFrames(message: ArrayBuffer): void;
  onPayloads(message: ArrayBuffer): void;
}

/** First pause before trying again; doubles up to `MAX_PAUSE_MS`. */
export const FIRST_PAUSE_MS = 250;
/** Longest pause. */
export const MAX_PAUSE_MS = 8000;
/** A gateway that does not say HELLO in this time is given up. */
export const HELLO_MS = 8000;

/** One link, for as long as the page lives. */
export class Link {
  readonly #host: LinkHost;
  readonly #events: LinkEvents;
  #url = '';
  #token = '';
  #socket: Socket | null = null;
  #attempt = 0;
  #timer = -1;

  constructor(host: LinkHost, events: LinkEvents) {
    this.#host = host;
    this.#events = events;
  }

  /** Connects with this token; null: there is none. Replaces whatever went before. */
  start(url: string, token: string | null): void {
    this.#drop();
    this.#attempt = 0;
    this.#url = url;
    this.#token = token ?? '';
    if (token === null) this.#events.onState({ kind: 'no-token' });
    else this.#connect();
  }

  /** Ends the connection for good: something else is shown. */
  stop(): void {
    this.#drop();
    this.#token = '';
  }

  /** Tries again at once. */
  retry(): void {
    if (this.#token === '') return;
    this.#drop();
    this.#connect();
  }

  /** Sends, or forgets the message when there is no connection: everything is asked again after HELLO. */
  send(message: ClientMessage): void {
    this.#socket?.send(encodeMessage(message));
  }

  #connect(): void {
    this.#attempt++;
    this.#events.onState({ kind: 'connecting', attempt: this.#attempt });
    const socket = this.#host.open(this.#url, SUBPROTOCOL);
    this.#socket = socket;
    socket.binaryType = 'arraybuffer';
    this.#timer = this.#host.setTimer(
      () => this.#fail(socket, 'the gateway accepted the connection but did not answer'),
      HELLO_MS,
    );
    socket.onopen = () => socket.send(encodeMessage({ type: 'auth', token: this.#token }));
    socket.onmessage = event => this.#take(socket, event.data);
    socket.onclose = event => this.#closed(socket, event.code, event.reason);
  }

  #take(socket: Socket, data: unknown): void {
    if (socket !== this.#socket) return;
    try {
      if (typeof data !== 'string') {
        const buffer = data as ArrayBuffer;
        const { kind } = readBinaryHeader(buffer);
        if (kind === BinaryKind.FRAMES) this.#events.onFrames(buffer);
        else if (kind === BinaryKind.PAYLOADS) this.#events.onPayloads(buffer);
        else this.#events.onLog(parseLog(buffer), buffer.byteLength);
        return;
      }
      const message = parseServerMessage(data);
      if (message.type === 'hello') this.#greeted(message);
      else this.#events.onMessage(message);
    } catch (error) {
      // A message that cannot be understood leaves the books and the state in doubt; a new subscription sets both right.
      this.#fail(socket, `the gateway sent something this page does not understand: ${(error as Error).message}`);
    }
  }

  #greeted(hello: Hello): void {
    this.#host.clearTimer(this.#timer);
    if (hello.version !== PROTOCOL_VERSION || hello.recordBytes !== RECORD_BYTES) {
      this.#drop();
      const reason = `The gateway speaks version ${hello.version} of the inspector's protocol, this page version ${PROTOCOL_VERSION}. Reload the page.`;
      this.#events.onState({ kind: 'refused', reason, token: false });
      return;
    }
    this.#attempt = 0;
    this.#events.onState({ kind: 'live' });
    this.#events.onHello(hello);
  }

  #closed(socket: Socket, code: number, reason: string): void {
    if (socket !== this.#socket) return;
    switch (code) {
      case CloseCode.UNAUTHENTICATED:
        this.#drop();
        this.#events.onState({ kind: 'refused', reason: 'The gateway does not know this token.', token: true });
        return;
      case CloseCode.BAD_MESSAGE:
        this.#drop();
        this.#events.onState({
          kind: 'refused',
          reason: `The gateway refused a message of this page: ${reason}`,
          token: false,
        });
        return;
      case CloseCode.TOO_MANY:
        this.#fail(socket, 'too many inspectors are open');
        return;
      default:
        this.#fail(socket, reason === '' ? 'no connection to the gateway' : reason);
    }
  }

  #fail(socket: Socket, reason: string): void {
    if (socket !== this.#socket) return;
    this.#drop();
    const full = Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(10, Math.max(0, this.#attempt - 1)));
    // Between half and all of it, so that many pages do not come back in step.
    const pause = full * (0.5 + this.#host.random() / 2);
    this.#events.onState({
      kind: 'waiting',
      attempt: Math.max(1, this.#attempt),
      retryAt: this.#host.now() + pause,
      reason,
    });
    this.#timer = this.#host.setTimer(() => this.#connect(), pause);
  }

  #drop(): void {
    this.#host.clearTimer(this.#timer);
    const socket = this.#socket;
    this.#socket = null;
    if (socket === null) return;
    socket.onopen = null;
    socket.onmessage = null;
    socket.onclose = null;
    socket.close();
  }
}
