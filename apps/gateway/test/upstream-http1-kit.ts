/** Raw HTTP/1.1 backends and clients to them, closed after each test. */
import { afterEach } from 'vitest';
import type { Backend } from '../src/exchange/legs.ts';
import { createBackend } from '../src/upstream/backend.ts';
import type { UpstreamOptions } from '../src/upstream/options.ts';
import { RawBackend, type RawConnection } from './upstream-kit.ts';

export const open: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const item of open.splice(0).reverse()) await item.close();
});

export async function raw(script?: (connection: RawConnection, index: number) => void): Promise<RawBackend> {
  const server = await new RawBackend(script).listen();
  open.push(server);
  return server;
}

export function client(server: RawBackend | string, options: UpstreamOptions = {}): Backend {
  const backend = createBackend(typeof server === 'string' ? server : server.url, options);
  open.push({ close: () => backend.close(0) });
  return backend;
}

export const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';

/** Answers every request head with the same octets. */
export function answering(response: string): (connection: RawConnection) => Promise<void> {
  return async connection => {
    for (let count = 1; ; count++) {
      await connection.heads(count);
      if (connection.closed) return;
      connection.send(response);
    }
  };
}
