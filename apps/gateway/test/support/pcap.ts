/** What a client and a server said to each other, as a capture that packet analysers read. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';

/** One direction of a connection: its port, and the octets it has sent so far. */
interface Side {
  readonly port: number;
  sent: number;
}

const SEGMENT = 16_384;
const LINKTYPE_RAW = 101;
const PSH_ACK = 0x18;

/** A relay in front of a server; every connection through it becomes packets. */
export class Capture {
  readonly #server: Server;
  readonly #packets: Buffer[] = [];

  private constructor(port: number) {
    let connections = 0;
    this.#server = createServer(client => {
      const server = connect(port, '127.0.0.1');
      // Analysers take 443 for TLS.
      const ends: readonly [Side, Side] = [
        { port: 50_000 + connections++, sent: 1 },
        { port: 443, sent: 1 },
      ];
      client.on('data', chunk => this.#add(chunk as Buffer, ends[0], ends[1]));
      server.on('data', chunk => this.#add(chunk as Buffer, ends[1], ends[0]));
      client.pipe(server).pipe(client);
      client.on('error', () => server.destroy());
      server.on('error', () => client.destroy());
    });
  }

  /** Starts a relay to a port of this machine. */
  static async of(port: number): Promise<Capture> {
    const capture = new Capture(port);
    capture.#server.listen(0, '127.0.0.1');
    await once(capture.#server, 'listening');
    return capture;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** The capture file so far: pcap of 2.4, raw IP. */
  file(): Buffer {
    const head = Buffer.alloc(24);
    head.writeUInt32LE(0xa1b2c3d4, 0);
    head.writeUInt16LE(2, 4);
    head.writeUInt16LE(4, 6);
    head.writeUInt32LE(65_535, 16);
    head.writeUInt32LE(LINKTYPE_RAW, 20);
    const records = this.#packets.flatMap((packet, index) => {
      const record = Buffer.alloc(16);
      record.writeUInt32LE(index, 4);
      record.writeUInt32LE(packet.length, 8);
      record.writeUInt32LE(packet.length, 12);
      return [record, packet];
    });
    return Buffer.concat([head, ...records]);
  }

  close(): void {
    this.#server.close();
  }

  #add(octets: Buffer, from: Side, to: Side): void {
    for (let at = 0; at < octets.length; at += SEGMENT) {
      const part = octets.subarray(at, at + SEGMENT);
      this.#packets.push(Buffer.concat([headers(part.length, from, to), part]));
      from.sent += part.length;
    }
  }
}

/** IPv4 and TCP, without checksums. */
function headers(length: number, from: Side, to: Side): Buffer {
  const octets = Buffer.alloc(40);
  octets[0] = 0x45;
  octets.writeUInt16BE(40 + length, 2);
  octets[8] = 64;
  octets[9] = 6;
  const [source, destination] = from.port === 443 ? [2, 1] : [1, 2];
  octets.set([127, 0, 0, source!], 12);
  octets.set([127, 0, 0, destination!], 16);
  octets.writeUInt16BE(from.port, 20);
  octets.writeUInt16BE(to.port, 22);
  octets.writeUInt32BE(from.sent, 24);
  octets.writeUInt32BE(to.sent, 28);
  octets[32] = 0x50;
  octets[33] = PSH_ACK;
  octets.writeUInt16BE(65_535, 34);
  return octets;
}
