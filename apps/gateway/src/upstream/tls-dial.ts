import type { Socket } from 'node:net';
import { type DialedSocket, dial } from '@glassway/tls-alpn';
import { formatAddress } from '../config/address.ts';
import type { Reason } from '../exchange/reason.ts';
import {
  type Dial,
  type DialEvents,
  type Dialing,
  forbiddenError,
  isForbiddenLiteral,
  lookupFor,
  type TlsFacts,
} from './dial.ts';
import { dialFailure, tlsFailure } from './failure.ts';
import type { ResolvedUpstreamOptions } from './options.ts';
import type { Target } from './target.ts';

/** ALPN names we speak towards backends. */
export type AlpnProtocol = 'h2' | 'http/1.1';

/** A TLS connection with what was agreed on it. */
export interface TlsConnection {
  readonly socket: Socket;
  readonly protocol: AlpnProtocol;
  readonly tls: TlsFacts;
}

/** Dials TLS offering `protocols`, most wanted first. Exactly one of the callbacks is called, in a later turn. */
export function dialTls(
  target: Target,
  options: ResolvedUpstreamOptions,
  protocols: readonly AlpnProtocol[],
  onConnected: (connection: TlsConnection) => void,
  onFailed: (failure: Reason) => void,
): Dialing {
  const abort = new AbortController();
  let aborted = false;
  if (isForbiddenLiteral(target, options)) {
    process.nextTick(() => {
      if (!aborted) onFailed(dialFailure(target, forbiddenError()));
    });
    return {
      abort: () => {
        aborted = true;
      },
    };
  }
  dial(urlOf(target), {
    protocols,
    lookup: lookupFor(target, options),
    signal: abort.signal,
    timeoutMs: Math.max(50, options.connectTimeoutMs === 0 ? 600_000 : options.connectTimeoutMs),
    verify: options.verifyCertificate,
    ...(options.servername === null ? {} : { servername: options.servername }),
    ...(options.ca === null ? {} : { ca: options.ca }),
    ...(options.clientCertificate === null ? {} : { clientCertificate: options.clientCertificate }),
  }).then(
    dialed => {
      if (aborted) dialed.socket.destroy();
      else onConnected(describe(dialed));
    },
    (error: Error) => {
      if (!aborted) onFailed(tlsFailure(target, error, options.connectTimeoutMs));
    },
  );
  return {
    abort: () => {
      aborted = true;
      abort.abort();
    },
  };
}

/** A dialer for one protocol over TLS. */
export function tlsDialer(target: Target, options: ResolvedUpstreamOptions, protocol: AlpnProtocol): Dial {
  return (events: DialEvents) =>
    dialTls(
      target,
      options,
      [protocol],
      ({ socket, tls }) => events.onConnected(socket, tls),
      failure => events.onDialFailed(failure),
    );
}

function describe({ socket, protocol, servername, tls }: DialedSocket): TlsConnection {
  socket.setNoDelay(true);
  return { socket, protocol: protocol as AlpnProtocol, tls: { version: tls.version, cipher: tls.cipher, servername } };
}

function urlOf({ host, port }: Target): string {
  return `https://${formatAddress({ host, port })}`;
}
