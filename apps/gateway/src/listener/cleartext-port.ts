/** The cleartext port: the first octets choose HTTP/2 or HTTP/1.1 (RFC 9113 3.3). */
import { createServer, type Server, type Socket } from 'node:net';
import type { ListenAddress } from '@glassway/tls-alpn';
import { sniff } from './cleartext.ts';
import type { ListenerContext } from './context.ts';
import type { Port } from './doors.ts';
import type { Http1Listener } from './http1.ts';
import type { Http2Listener } from './http2.ts';
import type { Origin } from './registry.ts';

/** Where to listen in cleartext. */
export interface HttpOptions {
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Default 0: any free port. */
  readonly port?: number;
  /** A unix socket instead of host and port. */
  readonly path?: string;
  /** Told about failures of the listener itself, such as a connection that cannot be accepted. Default: a warning. */
  readonly onError?: (error: Error) => void;
}

/** Binds the port. Rejects when it cannot. */
export function listenCleartext(
  { host = '127.0.0.1', port = 0, path, onError: onFailure = warn }: HttpOptions,
  origin: Origin,
  context: ListenerContext,
  http1: Http1Listener,
  http2: Http2Listener,
): Promise<Port> {
  const { clients, registry } = context;
  const onSocket = (socket: Socket): void => {
    // First of all: a reset may come before anyone reads. What follows it is 'close', which everyone listens to.
    socket.on('error', ignore);
    clients.identify(socket, () => {
      const client = clients.of(socket);
      if (!registry.admit(socket, client) || !registry.add(socket, client, origin)) return;
      sniff(socket, context.limits.negotiationTimeoutMs, protocol => {
        if (protocol === 'h2') http2.serve(socket, { negotiation: 'prior-knowledge', tls: null });
        else http1.serve(socket, null);
      });
    });
  };
  // Half-open, so that a client's FIN is for the protocol to judge. The high-water mark spares large responses most of
  // their pauses; with Node's 16 KiB every second write of a response would wait for the socket.
  const server = createServer({ allowHalfOpen: true, noDelay: true, highWaterMark: 65_536 }, onSocket);
  return new Promise((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException): void => {
      const why = error.code === 'EADDRINUSE' ? 'something else listens there' : error.message;
      reject(new Error(`cannot listen on ${path ?? `${host}:${port}`}: ${why}`, { cause: error }));
    };
    server.once('error', onError);
    server.listen(path === undefined ? { host, port } : { path }, () => {
      server.off('error', onError);
      // Without this a connection that cannot be accepted (no descriptors, no memory) would end the process.
      server.on('error', onFailure);
      resolve({ address: addressOf(server), close: async () => void server.close() });
    });
  });
}

function ignore(): void {}

function warn(error: Error): void {
  process.emitWarning(`the cleartext listener: ${error.message}`, { code: 'GLASSWAY_LISTENER' });
}

function addressOf(server: Server): ListenAddress {
  const address = server.address();
  if (address === null || typeof address === 'string') return { path: address ?? '' };
  return { host: address.address, port: address.port, family: address.family === 'IPv6' ? 'IPv6' : 'IPv4' };
}
