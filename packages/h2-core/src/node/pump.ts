import type { Duplex } from 'node:stream';
import type { Connection } from '../connection.ts';
import { DuplexDriver } from '../session/duplex-driver.ts';
import { Pump } from '../session/pump.ts';

/**
 * Drives `connection` over `socket` (net.Socket, TLSSocket or any Duplex in octet mode) until either ends. Attach once,
 * before the socket has delivered data; octets read before (as by a protocol sniffer) go in by `socket.unshift`.
 */
export function attach(socket: Duplex, connection: Connection): Pump {
  return new Pump(new DuplexDriver(socket), connection);
}
