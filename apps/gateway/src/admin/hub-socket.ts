/**
 * The way from the inspector of a gateway with workers to the hub of one of them: a WebSocket as any viewer's, with a token
 * as any viewer's, but over a Unix socket in a folder of this user's own. It joins the threads of the two hubs: neither
 * process serves traffic any slower for what goes through it.
 */
import { connect } from 'node:net';
import { join } from 'node:path';
import { encodeMessage, SUBPROTOCOL } from '@glassway/inspector-protocol';
import WebSocket from 'ws';
import type { HubInput, InputChannel, InputEvents } from '../trace/merge/input.ts';

/** The name and port that a hub on a socket answers to: those that need no port in the Host header. */
export const SOCKET_HOST = { host: 'localhost', port: 80 } as const;

/** Where a hub may be looked at. */
export interface HubSocket {
  readonly path: string;
  readonly token: string;
}

/** The socket of this process's hub. */
export function hubSocketPath(directory: string): string {
  const name = `glassway-hub-${process.pid}`;
  return process.platform === 'win32' ? `\\\\.\\pipe\\${name}` : join(directory, name);
}

/** The hub of a worker behind its socket. `onError` hears of what should not be. */
export class SocketInput implements HubInput {
  readonly worker: number;
  readonly #socket: HubSocket;
  readonly #onError: (error: Error) => void;

  constructor(worker: number, socket: HubSocket, onError: (error: Error) => void) {
    this.worker = worker;
    this.#socket = socket;
    this.#onError = onError;
  }

  open(events: InputEvents): InputChannel {
    const { path, token } = this.#socket;
    const options = {
      origin: `http://${SOCKET_HOST.host}`,
      perMessageDeflate: false,
      createConnection: () => connect(path),
    };
    const socket = new WebSocket(`ws://${SOCKET_HOST.host}/ws`, [SUBPROTOCOL], options);
    socket.binaryType = 'arraybuffer';
    let wanted = true;
    socket.on('open', () => socket.send(encodeMessage({ type: 'auth', token })));
    socket.on('message', (data, isBinary) => {
      if (!wanted) return;
      try {
        events.message(isBinary ? (data as ArrayBuffer) : textOf(data as ArrayBuffer));
      } catch (error) {
        this.#onError(error as Error);
        socket.terminate();
      }
    });
    // Told again by 'close'.
    socket.on('error', () => {});
    socket.on('close', () => {
      if (!wanted) return;
      wanted = false;
      events.closed();
    });
    return {
      send: text => {
        if (socket.readyState === WebSocket.OPEN) socket.send(text);
      },
      close: () => {
        wanted = false;
        socket.terminate();
      },
    };
  }
}

function textOf(data: ArrayBuffer | Buffer): string {
  return (Buffer.isBuffer(data) ? data : Buffer.from(data)).toString('utf8');
}
