import type { AddressInfo, Server, Socket } from 'node:net';

/** A demo backend that is listening. */
export interface DemoServer {
  readonly port: number;
  /** Stops at once, cutting what is under way. */
  close(): Promise<void>;
}

/** Listens on a free port of this machine and keeps track of sockets, so that it can stop although clients stay. */
export async function listenLocally(server: Server): Promise<DemoServer> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}
