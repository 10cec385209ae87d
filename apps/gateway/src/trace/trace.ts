/**
 * What the data path tells the recorder about connections and exchanges; frames go through the core's `Tap`. The data
 * path holds a `Trace` (never null: `NO_TRACE` when the inspector is off) and calls it a few times per exchange.
 */
import type { Tap } from '@glassway/h2-core';
import type { Obstacle } from '@glassway/inspector-protocol';
import type { Reason } from '../exchange/reason.ts';
import { ConnectionNumbers } from './numbering.ts';

/** Which side of the gateway a connection is on. */
export const Leg = { CLIENT: 0, BACKEND: 1 } as const;
/** 0 client to gateway, 1 gateway to backend. */
export type Leg = (typeof Leg)[keyof typeof Leg];

/** How a connection came to speak its protocol. */
export type Negotiation = 'alpn' | 'upgrade' | 'prior-knowledge' | 'http/1.1';

/** Facts known when a connection is handed to its protocol. */
export interface ConnectionFacts {
  readonly leg: Leg;
  /** `h2` or `http/1.1`. */
  readonly protocol: 'h2' | 'http/1.1';
  readonly negotiation: Negotiation;
  /** Peer as `address:port`, `[v6]:port` or a socket path. */
  readonly peer: string;
  /** Our end, same form. */
  readonly local: string;
  /** TLS facts, null in cleartext. */
  readonly tls: { readonly version: string; readonly cipher: string; readonly servername: string } | null;
}

/** Observer of the gateway's data path. */
export interface Trace {
  /** A connection starts speaking; the answer is its number, from 1, unique among all workers of the gateway. */
  connectionOpened(facts: ConnectionFacts): number;
  /** The tap for an HTTP/2 connection; null when tracing is off. */
  tap(connectionId: number): Tap | null;
  /** The connection is gone; reason null: clean. */
  connectionClosed(connectionId: number, reason: Reason | null): void;
  /**
   * A request and its response on an HTTP/1.1 connection, which has no frames. `ordinal` counts requests from 1; `host` is
   * the Host field where it is not among `fields`.
   */
  http1Request(
    connectionId: number,
    ordinal: number,
    method: string,
    target: string,
    fields: readonly string[],
    host?: string,
  ): void;
  http1Response(connectionId: number, ordinal: number, status: number, fields: readonly string[]): void;
  /** Body octets that passed on an HTTP/1.1 connection: direction 0 received from the peer, 1 sent. */
  http1Body(connectionId: number, ordinal: number, direction: 0 | 1, bytes: number): void;
  /** The whole request or response has passed in this direction (0 received from the peer, 1 sent). */
  http1Complete(connectionId: number, ordinal: number, direction: 0 | 1): void;
  /** The socket took not everything: octets that wait; 0: it has now. */
  http1Blocked(connectionId: number, ordinal: number, pendingBytes: number): void;
  http1End(connectionId: number, ordinal: number, reason: Reason | null): void;
  /** The exchange found no place on a connection of this backend and waits for one, until `paired` or `reasoned`. */
  waiting(clientConnection: number, clientStream: number, backend: string): void;
  /**
   * Why exchanges that want this backend have to wait: every stream or connection that may be open is, its connections go
   * away, or one is being made. `connectionId`: the connection in the way, 0 when there is not a single one.
   */
  backendWaits(backend: string, obstacle: Obstacle, connectionId: number): void;
  /** The exchange joined this client stream to that backend stream. */
  paired(clientConnection: number, clientStream: number, backendConnection: number, backendStream: number): void;
  /** The gateway itself answered, reset or gave up on this stream. */
  reasoned(connectionId: number, streamId: number, reason: Reason): void;
}

/** A trace that numbers connections and does nothing else. */
export function untraced(numbers: ConnectionNumbers): Trace {
  return { ...NO_TRACE, connectionOpened: () => numbers.next() };
}

const numbers = new ConnectionNumbers();

/** The same for a gateway of one process. */
export const NO_TRACE: Trace = {
  connectionOpened: () => numbers.next(),
  tap: () => null,
  connectionClosed: () => {},
  http1Request: () => {},
  http1Response: () => {},
  http1Body: () => {},
  http1Complete: () => {},
  http1Blocked: () => {},
  http1End: () => {},
  waiting: () => {},
  backendWaits: () => {},
  paired: () => {},
  reasoned: () => {},
};
