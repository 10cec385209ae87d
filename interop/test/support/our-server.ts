/** Our server with something at every path that a peer may want to see, in cleartext or over TLS. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { type Accepted, type CloseInfo, handshake, type ServerConnection } from '@glassway/h2-core/server';
import { listen, SecureContexts } from '@glassway/tls-alpn';
import { pattern } from '../../hosts/check.ts';
import { atEnd } from './at-end.ts';
import { sharedCa } from './certificates.ts';
import { LARGE } from './expectations.ts';

/** How octets go. */
export type Security = 'cleartext' | 'TLS';

/** A server that ends with the file's tests. */
export interface OurServer {
  /** Scheme, host and port. */
  readonly base: string;
  /** File of the authority to trust. */
  readonly ca: string;
  readonly security: Security;
  /** Code of the first reset that a client sent for `/endless`. */
  readonly cancelled: Promise<string>;
  /** How the connection ended whose shutdown `/drain` began, and whether streams were cut. */
  readonly drained: Promise<CloseInfo & { readonly cut: number }>;
}

interface Told {
  cancelled(code: string): void;
  whenCancelled: Promise<string>;
  drained(how: CloseInfo & { readonly cut: number }): void;
}

async function answer({ request, respond }: Accepted, connection: ServerConnection, told: Told): Promise<void> {
  const { path, body } = request;
  switch (path) {
    case '/':
      return respond.send({ headers: { 'content-type': 'text/html' } }).end('<!doctype html><title>ours</title>');
    case '/echo':
      return respond.send({}).pipeFrom(body);
    case '/large':
      return respond.send({}).pipeFrom(Array.from({ length: LARGE / 65_536 }, (_, i) => pattern(65_536, i * 65_536)));
    case '/hints':
      respond.informational(103, { link: '</a.css>; rel=preload' });
      return respond.send({}).end('after hints');
    case '/page':
      respond.informational(103, { link: '</a.css>; rel=preload; as=style' });
      return respond.send({ headers: { 'content-type': 'text/html' } }).end('<!doctype html><title>hinted</title>');
    case '/a.css':
      return respond.send({ headers: { 'content-type': 'text/css' } }).end('body {}');
    case '/trailers': {
      const out = respond.send({ headers: { trailer: 'x-sum' } });
      out.write('with trailers');
      return out.trailers({ 'x-sum': '42' });
    }
    case '/length': {
      const octets = await body.bytes();
      return respond.send({}).end(`${octets.length} ${(await body.trailers())?.get('x-end') ?? 'none'}`);
    }
    case '/push': {
      const pushed = respond.canPush ? respond.push({ path: '/pushed' }) : null;
      respond.send({}).end('page');
      return pushed?.send({}).end('pushed body');
    }
    case '/reset':
      return respond.reset(11);
    case '/endless':
      respond.onReset(({ codeName }) => told.cancelled(codeName));
      respond.send({}).write('first');
      return;
    case '/cancelled':
      // A client that ends right after must not overtake its own reset.
      await told.whenCancelled;
      return respond.send({ status: 404 }, { endStream: true }).end();
    case '/drain': {
      const out = respond.send({});
      out.write('half ');
      const report = connection.shutdown({ deadlineMs: 5000 });
      // The client answers the PING that goes with GOAWAY before it sees the end.
      await connection.ping();
      out.end('done');
      const { cut } = await report;
      return told.drained({ ...(await connection.closed), cut: cut.length });
    }
    default:
      return respond.send({ status: 404 }, { endStream: true }).end();
  }
}

/** Starts it on a free port of loopback. */
export async function ourServer(security: Security): Promise<OurServer> {
  const ca = await sharedCa();
  const told = {} as Told;
  const cancelled = new Promise<string>(resolve => {
    told.cancelled = resolve;
  });
  told.whenCancelled = cancelled;
  const drained = new Promise<CloseInfo & { readonly cut: number }>(resolve => {
    told.drained = resolve;
  });
  const open = new Set<Socket>();
  const serve = async (socket: Socket): Promise<void> => {
    open.add(socket);
    const connection = await handshake(socket);
    for await (const accepted of connection) void answer(accepted, connection, told).catch(() => {});
  };
  atEnd(() => {
    for (const socket of open) socket.destroy();
  });
  const rest = { ca: ca.rootCertificatePath, security, cancelled, drained };
  if (security === 'cleartext') {
    const server = createServer(serve).listen(0, '127.0.0.1');
    await once(server, 'listening');
    atEnd(() => void server.close());
    return { base: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, ...rest };
  }
  const contexts = await SecureContexts.load({ onDemand: ca.credentialsFor });
  const listener = await listen({ contexts, protocols: ['h2'] }, ({ socket }) => serve(socket));
  atEnd(() => listener.close());
  return { base: `https://localhost:${(listener.address as { port: number }).port}`, ...rest };
}
