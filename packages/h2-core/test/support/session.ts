import { type AddressInfo, createServer, connect as dial, type Socket } from 'node:net';
import { expect, onTestFinished } from 'vitest';
import { type ClientConnection, type ClientOptions, connect } from '../../src/session/client.ts';
import {
  type Accepted,
  H2Error,
  handshake,
  pair,
  type ServerConnection,
  type ServerOptions,
  type Transport,
} from '../../src/session/server.ts';

/** Both ends of one connection. */
export interface Ends {
  readonly server: ServerConnection;
  readonly client: ClientConnection;
}

/** Joins a server and a client over two ends of a transport. */
export async function join(
  [near, far]: readonly [Transport, Transport],
  serverOptions: ServerOptions = {},
  clientOptions: ClientOptions = {},
): Promise<Ends> {
  const [server, client] = await Promise.all([
    handshake(near, serverOptions),
    connect(far, { authority: 'test.example', ...clientOptions }),
  ]);
  onTestFinished(() => {
    client.destroy();
    server.destroy();
  });
  return { server, client };
}

/** A server and a client in memory. */
export function inMemory(serverOptions?: ServerOptions, clientOptions?: ClientOptions): Promise<Ends> {
  return join(pair(), serverOptions, clientOptions);
}

/** Two connected TCP sockets, the server's first. */
export async function sockets(): Promise<[Socket, Socket]> {
  const listener = createServer();
  await new Promise<void>(done => listener.listen(0, '127.0.0.1', done));
  const accepted = new Promise<Socket>(done => listener.once('connection', done));
  const socket = dial((listener.address() as AddressInfo).port, '127.0.0.1');
  const other = await accepted;
  listener.close();
  onTestFinished(() => {
    socket.destroy();
    other.destroy();
  });
  return [other, socket];
}

/** A TCP server whose connections go to `serve`; gives its port. */
export async function listening(
  serve: (accepted: Accepted, connection: ServerConnection) => unknown,
  options?: ServerOptions,
): Promise<number> {
  const open = new Set<Socket>();
  const listener = createServer(async socket => {
    open.add(socket);
    const connection = await handshake(socket, options);
    for await (const accepted of connection) serve(accepted, connection);
  });
  await new Promise<void>(done => listener.listen(0, '127.0.0.1', done));
  onTestFinished(() => {
    for (const socket of open) socket.destroy();
    listener.close();
  });
  return (listener.address() as AddressInfo).port;
}

/**
 * Serves every request by `serve`. The answer settles when the first one has been served, so that a test can wait for what
 * the server checks; what is still being served when the test ends the connection ends with it.
 */
export function serving(server: ServerConnection, serve: (accepted: Accepted) => unknown): Promise<void> {
  let served = (): void => {};
  let failed = (_error: unknown): void => {};
  const first = new Promise<void>((resolve, reject) => {
    served = resolve;
    failed = reject;
  });
  const settle = async (accepted: Accepted): Promise<void> => {
    try {
      await serve(accepted);
      served();
    } catch (error) {
      failed(error);
      if ((error as { rule?: string }).rule !== 'connection.destroyed') throw error;
    }
  };
  first.catch(() => {});
  void (async () => {
    for await (const accepted of server) void settle(accepted);
  })();
  return first;
}

/** The next request, which must come. */
export async function next(server: ServerConnection): Promise<Accepted> {
  const accepted = await server.accept();
  if (accepted === null) throw new Error('the connection ended before the request came');
  return accepted;
}

/** Octets that tell their place, so that lost and swapped ones show. */
export function pattern(length: number, from = 0): Uint8Array {
  const octets = new Uint8Array(length);
  for (let i = 0; i < length; i++) octets[i] = ((from + i) * 31 + ((from + i) >>> 8)) & 0xff;
  return octets;
}

/** A turn of the event loop. */
export const turn = (): Promise<void> => new Promise(done => setImmediate(done));

/** Waits until `check` holds; the test's own timeout ends the wait. */
export async function until(check: () => boolean): Promise<void> {
  while (!check()) await turn();
}

/** The error a promise fails with. */
export async function failure(promise: Promise<unknown>): Promise<H2Error> {
  const error = await promise.then(
    () => null,
    reason => reason,
  );
  expect(error).toBeInstanceOf(H2Error);
  return error as H2Error;
}
