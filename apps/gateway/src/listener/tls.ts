/** The TLS port: ALPN chooses HTTP/2 or HTTP/1.1 during the handshake (RFC 9113 3.2, RFC 7301). */
import type { Socket } from 'node:net';
import {
  type AcceptedSocket,
  DevelopmentCa,
  type HandshakeRefusal,
  type KeyLog,
  listen,
  SecureContexts,
} from '@glassway/tls-alpn';
import type { ListenerContext, TlsFacts } from './context.ts';
import type { Port } from './doors.ts';
import type { Http1Listener } from './http1.ts';
import type { Http2Listener } from './http2.ts';
import type { Origin } from './registry.ts';
import { authoritiesOf } from './rules.ts';

/** Where and with what certificates to listen. */
export interface HttpsOptions {
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Default 0: any free port. */
  readonly port?: number;
  /** A unix socket instead of host and port. */
  readonly path?: string;
  /** The certificates. Default: one per server name from the development authority. */
  readonly contexts?: SecureContexts;
  /** Where the development authority is kept; only used without `contexts`. Default: the user's own. */
  readonly developmentCaDirectory?: string;
  /** ALPN protocols, most wanted first. Default h2, http/1.1. */
  readonly protocols?: readonly ('h2' | 'http/1.1')[];
  /** Whether clients are asked for certificates; needs `contexts` with client authorities. Default off. */
  readonly clientCertificates?: 'off' | 'optional' | 'require';
  /** Where TLS secrets are logged. Default nowhere. */
  readonly keyLog?: KeyLog;
  /** 48 octets, the same in all processes that share the port. */
  readonly ticketKeys?: Buffer;
  /** Told about failed handshakes. */
  readonly onRefused?: (refusal: HandshakeRefusal) => void;
  /** Told about failures of the listener itself. */
  readonly onError?: (error: Error) => void;
}

/** Binds the port. Throws a `TlsAlpnError` when it cannot, or a certificate is unusable. */
export async function listenTls(
  options: HttpsOptions,
  origin: Origin,
  context: ListenerContext,
  http1: Http1Listener,
  http2: Http2Listener,
): Promise<Port> {
  const { contexts: given, developmentCaDirectory, ...rest } = options;
  let contexts = given;
  let developmentCa: DevelopmentCa | null = null;
  if (contexts === undefined) {
    developmentCa = await DevelopmentCa.open(
      developmentCaDirectory === undefined ? {} : { directory: developmentCaDirectory },
    );
    // Clients that send no server name, such as those of https://127.0.0.1, get the one for localhost.
    contexts = await SecureContexts.load({ onDemand: developmentCa.credentialsFor });
  }
  const { negotiationTimeoutMs } = context.limits;
  const handshakeTimeoutMs = negotiationTimeoutMs === 0 ? MAX_HANDSHAKE_MS : Math.max(50, negotiationTimeoutMs);
  const { clients, registry } = context;
  // A handshake costs more than most of what follows: the place is taken before it.
  const beforeHandshake = (socket: Socket, proceed: () => void): void =>
    clients.identify(socket, () => {
      if (registry.admit(socket, clients.of(socket))) proceed();
    });
  const listener = await listen(
    { ...rest, contexts, handshakeTimeoutMs, answerToPlainHttp: PLAIN_HTTP_ANSWER, beforeHandshake },
    accepted => {
      if (registry.add(accepted.socket, clients.of(accepted.socket), origin)) take(accepted, context, http1, http2);
    },
  );
  return { address: listener.address, close: listener.close, developmentCa };
}

/** RFC 9110 15.5.1, for those who wrote http:// before the address of this port. */
const PLAIN_HTTP_BODY = '400 tls_expected this port speaks TLS (use https://)\n';
const PLAIN_HTTP_ANSWER =
  'HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\nconnection: close\r\n' +
  `content-length: ${PLAIN_HTTP_BODY.length}\r\n\r\n${PLAIN_HTTP_BODY}`;

const MAX_HANDSHAKE_MS = 600_000;

function take(
  { socket, protocol, servername, tls }: AcceptedSocket,
  { limits }: ListenerContext,
  http1: Http1Listener,
  http2: Http2Listener,
): void {
  const certificate = limits.strictAuthority ? socket.getX509Certificate() : undefined;
  const judge = certificate === undefined ? {} : { judgeAuthority: authoritiesOf(certificate) };
  const peer = tls.peerCertificate;
  const client = peer?.authorized === true ? { clientSubject: distinguishedName(peer.subject) } : {};
  const facts: TlsFacts = { version: tls.version, cipher: tls.cipher, servername, ...judge, ...client };
  socket.setNoDelay(true);
  if (protocol !== 'h2') http1.serve(socket, facts);
  else if (tls.forbiddenForH2) http2.refuseInsecure(socket, { negotiation: 'alpn', tls: facts });
  else http2.serve(socket, { negotiation: 'alpn', tls: facts });
}

const encoder = new TextEncoder();

/**
 * RFC 4514: most specific first, separated by commas, in ASCII. Node gives one `key=value` per line, in the order of the
 * certificate, escaped by RFC 2253 but for what is not ASCII.
 */
export function distinguishedName(subject: string): string {
  const names = subject.split('\n').reverse().join(',');
  return names.replace(/[^\x20-\x7e]/gu, character =>
    [...encoder.encode(character)].map(octet => `\\${octet.toString(16).toUpperCase().padStart(2, '0')}`).join(''),
  );
}
