/** A backend that answers exactly the octets a test gives it, and shows what it was sent. */
import { createServer, type Server } from 'node:net';
import { PATIENCE_MS } from './patience.ts';
import { RawClient } from './raw-client.ts';

/** Connections in the order they came. */
export class RawBackend {
  readonly connections: RawClient[] = [];
  readonly #server: Server;
  readonly #waiters = new Set<() => void>();

  private constructor(server: Server) {
    this.#server = server;
    server.on('connection', socket => {
      this.connections.push(new RawClient(socket));
      for (const waiter of [...this.#waiters]) waiter();
    });
  }

  static async start(): Promise<RawBackend> {
    const server = createServer();
    const backend = new RawBackend(server);
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    return backend;
  }

  get url(): string {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('not listening');
    return `http://127.0.0.1:${address.port}`;
  }

  /** Waits for the n-th connection, from 1. */
  connection(n: number): Promise<RawClient> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`waited in vain for backend connection ${n}`)), PATIENCE_MS);
      const waiter = (): void => {
        const found = this.connections[n - 1];
        if (found === undefined) return;
        clearTimeout(timer);
        this.#waiters.delete(waiter);
        resolve(found);
      };
      this.#waiters.add(waiter);
      waiter();
    });
  }

  /** Waits until a connection has received this text; answers the first such. */
  async reached(part: string): Promise<RawClient> {
    const deadline = Date.now() + PATIENCE_MS;
    for (;;) {
      const found = this.connections.find(({ text }) => text.includes(part));
      if (found !== undefined) return found;
      if (Date.now() > deadline) throw new Error(`waited in vain for ${JSON.stringify(part)} at the backend`);
      await new Promise(setImmediate);
    }
  }

  stop(): Promise<void> {
    for (const connection of this.connections) connection.close();
    return new Promise(resolve => this.#server.close(() => resolve()));
  }
}
