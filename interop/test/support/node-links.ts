/** Transports that Node has. */
import { once } from 'node:events';
import { type AddressInfo, createServer, connect as dialTcp, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { dial, listen, SecureContexts, type TlsListener } from '@glassway/tls-alpn';
import type { Link } from '../../hosts/conversation.ts';
import { sharedCa } from './certificates.ts';

function linkOf(server: Socket, client: Socket): Link {
  return { server, client, break: () => client.resetAndDestroy(), endClientSide: () => client.end() };
}

/** Two ends of a TCP connection. */
export async function tcp(options: { allowHalfOpen?: boolean } = {}): Promise<Link> {
  const listener = createServer(options).listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const accepted = once(listener, 'connection');
  const client = dialTcp({ ...options, port: (listener.address() as AddressInfo).port, host: '127.0.0.1' });
  const [server] = (await accepted) as [Socket];
  listener.close();
  return linkOf(server, client);
}

/** Two ends of a TLS connection that agreed on h2. */
export async function tls(): Promise<Link> {
  const ca = await sharedCa();
  const contexts = await SecureContexts.load({ onDemand: ca.credentialsFor });
  let listener: TlsListener | null = null;
  const accepted = new Promise<Socket>((resolve, reject) => {
    listen({ contexts, protocols: ['h2'] }, ({ socket }) => resolve(socket)).then(given => {
      listener = given;
      const { port } = given.address as { port: number };
      connected = dial(`https://localhost:${port}`, { ca: ca.rootCertificate, protocols: ['h2'] });
      connected.catch(reject);
    }, reject);
  });
  let connected: ReturnType<typeof dial> | null = null;
  const server = await accepted;
  const { socket: client } = await connected!;
  await listener!.close();
  return { ...linkOf(server, client), break: () => client.destroy() };
}

/** One end of a Duplex pair: what it is given to write the other delivers, when that has room. */
class Half extends Duplex {
  other: Half | null = null;
  private taken: (() => void) | null = null;

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    if (this.other?.push(chunk) === false) this.other.taken = done;
    else setImmediate(done);
  }

  override _final(done: () => void): void {
    this.other?.push(null);
    done();
  }

  override _read(): void {
    const { taken } = this;
    this.taken = null;
    taken?.();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    done(error);
    if (this.other?.destroyed === false && (error !== null || !this.writableFinished)) this.other.destroy();
  }
}

/** Any Duplex, of a program's own making. */
export async function duplex(): Promise<Link> {
  const server = new Half();
  const client = new Half();
  server.other = client;
  client.other = server;
  return { server, client, break: () => client.destroy(new Error('broken')), endClientSide: () => client.end() };
}

/** A TCP connection as WHATWG streams, the server's end by `Duplex.toWeb`, the client's a socket. */
export async function tcpToWeb(): Promise<Link> {
  const link = await tcp();
  const { readable, writable } = Duplex.toWeb(link.server as Socket);
  return { ...link, server: { readable, writable } };
}
