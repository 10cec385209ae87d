/** Ports of loopback for programs that take no port 0, and for those that are to come back where they were. */
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * Below what systems choose from for outgoing connections and for port 0: whatever else the machine does, it is not given
 * such a port before it is used, and a connection to it while nobody listens cannot reach itself.
 */
const FIRST = 20_000;
const AFTER_LAST = 32_000;

const given = new Set();

/**
 * One that was free a moment ago, and that this process was not given before.
 *
 * @returns {Promise<number>}
 */
export async function freePort() {
  for (;;) {
    const port = randomInt(FIRST, AFTER_LAST);
    if (given.has(port)) continue;
    given.add(port);
    const server = createServer().listen(port, '127.0.0.1');
    try {
      await once(server, 'listening');
    } catch {
      continue; // taken
    }
    server.close();
    await once(server, 'close');
    return port;
  }
}
