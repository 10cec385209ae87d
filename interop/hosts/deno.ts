/**
 * The scenario in Deno, over memory, WHATWG streams and its own TCP connections, which are a pair of WHATWG streams as they
 * are: `deno run --allow-net=127.0.0.1 hosts/deno.ts`.
 */

import type { Link } from './conversation.ts';
import { inMemory, webStreams } from './links.ts';
import { report } from './report.ts';

/** What is used of Deno. */
interface DenoConnection {
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
  close(): void;
  closeWrite(): Promise<void>;
}

interface DenoHost {
  listen(options: { hostname: string; port: number }): {
    readonly addr: { readonly port: number };
    accept(): Promise<DenoConnection>;
    close(): void;
  };
  connect(options: { hostname: string; port: number }): Promise<DenoConnection>;
  exit(code: number): never;
}

const { Deno } = globalThis as unknown as { Deno: DenoHost };

async function tcp(): Promise<Link> {
  const listener = Deno.listen({ hostname: '127.0.0.1', port: 0 });
  const [server, client] = await Promise.all([
    listener.accept(),
    Deno.connect({ hostname: '127.0.0.1', port: listener.addr.port }),
  ]);
  listener.close();
  return { server, client, break: () => client.close(), endClientSide: () => void client.closeWrite() };
}

await report(
  { 'pair() in memory': inMemory, 'WHATWG streams': webStreams, 'Deno.connect and Deno.listen': tcp },
  line => console.log(line),
);
Deno.exit(0);
