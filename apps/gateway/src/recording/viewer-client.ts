/** A viewer without a page: connects to a running gateway's inspector by the address that the gateway printed. */
import {
  BinaryKind,
  type ClientMessage,
  CloseCode,
  encodeMessage,
  type Hello,
  logNameOf,
  parseServerMessage,
  readBinaryHeader,
  type ServerMessage,
  SUBPROTOCOL,
} from '@glassway/inspector-protocol';
import WebSocket from 'ws';

/** What comes in. */
export interface ViewerEvents {
  /** HELLO; answer with what is wanted. `text`: the message as it came. */
  onHello(hello: Hello, text: string): ClientMessage;
  onText(message: ServerMessage, text: string): void;
  /** FIELDS or EVENTS, as it came. */
  onLog(message: Uint8Array): void;
  /** A FRAMES message of so many frames. */
  onFrames(message: Uint8Array, count: number): void;
  /** A PAYLOADS message. */
  onPayloads?(message: Uint8Array): void;
}

/** A connection to an inspector. */
export interface ViewerClient {
  send(message: ClientMessage): void;
  /** Resolves when the connection ends; rejects with a sentence when it never came about or was refused. */
  readonly ended: Promise<void>;
  close(): void;
}

/** The parts of the address that the gateway printed. Throws an Error that says what is missing. */
export function parseInspectorUrl(address: string): {
  readonly host: string;
  readonly origin: string;
  readonly token: string;
} {
  let url: URL;
  try {
    url = new URL(address);
  } catch {
    throw new Error(
      `"${address}" is no address: give the inspector's as the gateway printed it, http://127.0.0.1:8090/#token=...`,
    );
  }
  const token = new URLSearchParams(url.hash.slice(1)).get('token') ?? '';
  if (url.protocol !== 'http:' || token === '') {
    throw new Error(
      `${url.origin} has no token: give the inspector's address as the gateway printed it, with #token=...`,
    );
  }
  return { host: url.host, origin: url.origin, token };
}

/** Connects. Throws for an address that is none. */
export function connectViewer(address: string, events: ViewerEvents): ViewerClient {
  const { host, origin, token } = parseInspectorUrl(address);
  const socket = new WebSocket(`ws://${host}/ws`, [SUBPROTOCOL], { origin });
  const send = (message: ClientMessage): void => socket.send(encodeMessage(message));
  const take = (data: WebSocket.RawData, isBinary: boolean): void => {
    const bytes = data as Buffer;
    if (isBinary) {
      // Its own memory, in which records can be read in place.
      const message = new Uint8Array(bytes);
      const { kind, count, to } = readBinaryHeader(message.buffer);
      if (kind === BinaryKind.FRAMES) events.onFrames(message, count);
      else if (kind === BinaryKind.PAYLOADS) events.onPayloads?.(message);
      else events.onLog(message);
      send({ type: 'ack', [logNameOf(kind)]: to });
      return;
    }
    const text = bytes.toString();
    const message = parseServerMessage(text);
    if (message.type === 'hello') send(events.onHello(message, text));
    else events.onText(message, text);
    if (message.type === 'dropped') send({ type: 'ack', [message.log]: message.to });
  };
  const ended = new Promise<void>((resolve, reject) => {
    socket.on('open', () => send({ type: 'auth', token }));
    socket.on('message', (data, isBinary) => {
      try {
        take(data, isBinary);
      } catch (error) {
        reject(error);
        socket.terminate();
      }
    });
    socket.on('error', error => reject(new Error(`no inspector answers at ${host}: ${error.message}`)));
    socket.on('close', (code, reason) => {
      if (code === CloseCode.UNAUTHENTICATED) reject(new Error(`the inspector at ${host} does not know this token`));
      else if (code >= 4000) reject(new Error(`the inspector at ${host} closed the connection: ${String(reason)}`));
      else resolve();
    });
  });
  return { send, ended, close: () => socket.close() };
}
