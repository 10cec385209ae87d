/**
 * Every client socket, from accept to close: counted against the connection limits (see admission.ts), and asked to leave when
 * the gateway drains. `http.Server` cannot be asked, it never sees the sockets that speak HTTP/2 or nothing yet.
 */
import type { Socket } from 'node:net';
import { ErrorCode } from '@glassway/h2-core';
import { endpoint } from '../config/address.ts';
import { type Reason, reason } from '../exchange/reason.ts';
import { Admission, type AdmissionLimits } from './admission.ts';
import type { ListenerLimits } from './limits.ts';
import type { Endpoint } from './proxy-protocol.ts';

/** A connection that speaks its protocol, as far as draining is concerned. */
export interface Drainable {
  /** The inspector's connection number. */
  readonly connectionId: number;
  readonly protocol: string;
  /** Requests being served or waiting. */
  readonly openExchanges: number;
  /** Takes no new requests, finishes those under way, then closes the socket. May be called more than once. */
  drain(why: Reason): void;
}

/** A connection that did not finish in time. */
export interface CutConnection {
  /** 0 when it had not come to speak a protocol. */
  readonly connectionId: number;
  readonly peer: string;
  readonly protocol: string;
  readonly openExchanges: number;
}

/** How draining went. */
export interface DrainReport {
  /** Connections that finished by themselves. */
  readonly finished: number;
  /** Connections closed with work under way when the deadline passed. */
  readonly cut: readonly CutConnection[];
}

/** A way in, such as a port; connections know by which they came. */
export interface Origin {
  /** It is closed while the gateway goes on: what came in by it is asked to leave. */
  isLeaving: boolean;
}

interface Entry {
  readonly origin: Origin;
  readonly peer: string;
  protocol: Drainable | null;
  /** Until the connection is asked to leave; null: it is not. */
  age: NodeJS.Timeout | null;
}

const CLOSING = reason('shutting_down', 'the gateway asks its connections to leave', { h2Code: ErrorCode.NO_ERROR });
const AGED = reason('connection_retired', 'the connection has reached its age', { rule: 'connection.age' });
const MOVED = reason('connection_retired', 'the address it came in by is given up', { rule: 'listener.closed' });

/** A connection that speaks no protocol yet when the gateway drains has this long to begin. */
const SPEAK_MS = 1000;

/** What the registry enforces; 0: no limit. */
export type RegistryLimits = AdmissionLimits & Pick<ListenerLimits, 'maxConnectionAgeMs'>;

/** A client connection as the admin API shows it. */
export interface ConnectionState {
  /** 0 while it speaks no protocol. */
  readonly connection: number;
  readonly peer: string;
  readonly protocol: string;
  readonly openExchanges: number;
}

/** All client sockets of one gateway process. */
export class Registry {
  readonly #sockets = new Map<Socket, Entry>();
  readonly #admission: Admission;
  #limits: RegistryLimits;
  readonly #cut: CutConnection[] = [];
  readonly #deadlines: NodeJS.Timeout[] = [];
  #draining = false;
  #closing: Promise<DrainReport> | null = null;
  #onEmpty: (() => void) | null = null;
  #accepted = 0;

  constructor(limits: RegistryLimits) {
    this.#limits = limits;
    this.#admission = new Admission(limits);
  }

  /** Sockets taken in, and sockets closed at once because of a limit, since the start. */
  get counts(): { readonly accepted: number; readonly refused: number } {
    return { accepted: this.#accepted, refused: this.#admission.refused };
  }

  /** Open client sockets. */
  get size(): number {
    return this.#sockets.size;
  }

  /** Every open connection. */
  list(): ConnectionState[] {
    return [...this.#sockets.values()].map(({ peer, protocol }) => ({
      connection: protocol?.connectionId ?? 0,
      peer,
      protocol: protocol?.protocol ?? 'none yet',
      openExchanges: protocol?.openExchanges ?? 0,
    }));
  }

  /** True once `close` was called. */
  get isDraining(): boolean {
    return this.#draining;
  }

  /** Other limits for connections to come. */
  configure(limits: RegistryLimits): void {
    this.#limits = limits;
    this.#admission.configure(limits);
  }

  /** Gives an accepted socket, before anything is read for its protocol, a place; false (and it is destroyed) above a limit. */
  admit(socket: Socket, { address }: Endpoint): boolean {
    return this.#admission.admit(socket, address);
  }

  /** Takes a socket in, that has a place, until it closes; false (and the socket is destroyed) while draining. */
  add(socket: Socket, { address, port }: Endpoint, origin: Origin): boolean {
    if (this.#draining) {
      socket.destroy();
      return false;
    }
    this.#accepted++;
    this.#sockets.set(socket, { origin, peer: endpoint(address, port), protocol: null, age: null });
    socket.once('close', () => this.#remove(socket));
    return true;
  }

  /** The socket now speaks a protocol (or another one than before, after an Upgrade). */
  assign(socket: Socket, protocol: Drainable): void {
    const entry = this.#sockets.get(socket);
    if (entry === undefined) return;
    entry.protocol = protocol;
    if (this.#draining) protocol.drain(CLOSING);
    else if (entry.origin.isLeaving) protocol.drain(MOVED);
    const { maxConnectionAgeMs } = this.#limits;
    if (maxConnectionAgeMs === 0 || entry.age !== null) return;
    const age = maxConnectionAgeMs * (0.9 + Math.random() * 0.2);
    // Whatever it speaks by then: after an Upgrade another protocol has taken the place of this one.
    entry.age = setTimeout(() => entry.protocol?.drain(AGED), age).unref();
  }

  /** Asks every connection that came in this way to finish, however long that takes; new ones find nobody. */
  leave(origin: Origin): void {
    origin.isLeaving = true;
    for (const entry of this.#sockets.values()) if (entry.origin === origin) entry.protocol?.drain(MOVED);
  }

  /**
   * Asks every connection to finish; those still there after `deadlineMs` (0: at once) are destroyed and reported. A
   * second call may shorten the time, and answers the same.
   */
  close(deadlineMs: number): Promise<DrainReport> {
    this.#closing ??= this.#drain();
    if (deadlineMs === 0) this.#cutAll();
    else this.#deadlines.push(setTimeout(() => this.#cutAll(), deadlineMs));
    return this.#closing;
  }

  #drain(): Promise<DrainReport> {
    this.#draining = true;
    const total = this.#sockets.size;
    for (const entry of this.#sockets.values()) entry.protocol?.drain(CLOSING);
    // What a client has sent may still be on its way: cutting it off would fail a request.
    this.#deadlines.push(setTimeout(() => this.#cutSilent(), SPEAK_MS));
    return new Promise(resolve => {
      this.#onEmpty = () => {
        for (const deadline of this.#deadlines) clearTimeout(deadline);
        resolve({ finished: total - this.#cut.length, cut: this.#cut });
      };
      if (total === 0) this.#onEmpty();
    });
  }

  #cutSilent(): void {
    for (const [socket, { protocol }] of this.#sockets) if (protocol === null) socket.destroy();
  }

  #cutAll(): void {
    for (const [socket, { protocol, peer }] of this.#sockets) {
      if (protocol !== null && protocol.openExchanges > 0 && !socket.destroyed) {
        const { connectionId, openExchanges } = protocol;
        this.#cut.push({ connectionId, peer, protocol: protocol.protocol, openExchanges });
      }
      socket.destroy();
    }
  }

  #remove(socket: Socket): void {
    const entry = this.#sockets.get(socket);
    if (entry === undefined) return;
    this.#sockets.delete(socket);
    if (entry.age !== null) clearTimeout(entry.age);
    if (this.#sockets.size === 0) this.#onEmpty?.();
  }
}
