/** Transports that every host has. */
import { pair } from '@glassway/h2-core/server';
import type { Link } from './conversation.ts';

/** Two ends in memory. */
export async function inMemory(): Promise<Link> {
  const [server, client] = pair();
  return {
    server,
    client,
    break: () => client.destroy(),
    endClientSide: () => client.end(() => {}),
  };
}

/** One direction of octets, and a hold on it from outside. */
function pipe(): { stream: TransformStream<Uint8Array, Uint8Array>; fail(): void; end(): void } {
  let controller: TransformStreamDefaultController<Uint8Array> | null = null;
  const stream = new TransformStream<Uint8Array, Uint8Array>({
    start(given) {
      controller = given;
    },
  });
  return {
    stream,
    fail: () => controller?.error(new Error('the network is gone')),
    end: () => controller?.terminate(),
  };
}

/** Two pairs of WHATWG streams. */
export async function webStreams(): Promise<Link> {
  const up = pipe();
  const down = pipe();
  return {
    server: { readable: up.stream.readable, writable: down.stream.writable },
    client: { readable: down.stream.readable, writable: up.stream.writable },
    break() {
      up.fail();
      down.fail();
    },
    endClientSide: () => up.end(),
  };
}
