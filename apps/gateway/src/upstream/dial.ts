import { isIP, type LookupFunction, type OnReadOpts, type Socket } from 'node:net';
import type { Reason } from '../exchange/reason.ts';
import { BackendSocket } from './backend-socket.ts';
import { dialFailure, dialTimeout, FORBIDDEN_ADDRESS } from './failure.ts';
import type { ResolvedUpstreamOptions } from './options.ts';
import type { Target } from './target.ts';

/** What is known of the TLS session of a backend connection. */
export interface TlsFacts {
  readonly version: string;
  readonly cipher: string;
  readonly servername: string;
}

/** Who dials. Exactly one of the two methods is called, once, in a later turn; none after `abort`. */
export interface DialEvents {
  /** Where plain TCP reads to without a copy by Node; null: the socket emits `data`. */
  readonly onread: OnReadOpts | null;
  /** `tls` null: cleartext. */
  onConnected(socket: Socket, tls: TlsFacts | null): void;
  onDialFailed(reason: Reason): void;
}

/** A connection attempt under way. */
export interface Dialing {
  /** Gives the attempt up. No event follows. */
  abort(): void;
}

/** Starts a connection attempt. */
export type Dial = (events: DialEvents) => Dialing;

const LOOPBACK: readonly string[] = ['127.0.0.1', '::1'];

/** Longer than any time limit for connecting, which is what ends an attempt then. */
const LOCALHOST_ATTEMPT_MS = 600_000;

/**
 * Dials a cleartext target, TCP or unix socket. `localhost` means both 127.0.0.1 and ::1 whatever /etc/hosts says, because
 * development servers listen on either; names with several addresses are tried in turn (RFC 8305 without the race for
 * answers).
 */
export function cleartextDialer(target: Target, options: ResolvedUpstreamOptions): Dial {
  return events => dialSocket(target, options, events, socket => events.onConnected(socket, null));
}

/** Dials TCP or the unix socket and hands the connected socket to `onConnect`; failures go to `events`. */
export function dialSocket(
  target: Target,
  options: ResolvedUpstreamOptions,
  events: DialEvents,
  onConnect: (socket: Socket) => void,
): Dialing {
  const socket = new BackendSocket({
    allowHalfOpen: true,
    noDelay: true,
    ...(events.onread === null ? {} : { onread: events.onread }),
  });
  const { host, port, socketPath } = target;
  if (socketPath !== null) socket.connect({ path: socketPath });
  else {
    socket.connect({
      host,
      port,
      autoSelectFamily: true,
      // Cut after the platform's 250 ms, a local backend with a full accept queue would pass for one that is not running:
      // nobody listens on the other loopback address. One that is not there refuses at once.
      ...(isLocalhost(host) ? { autoSelectFamilyAttemptTimeout: LOCALHOST_ATTEMPT_MS } : {}),
      lookup: lookupFor(target, options),
    });
  }

  let timer: NodeJS.Timeout | null = null;
  const settle = (): void => {
    if (timer !== null) clearTimeout(timer);
    socket.removeListener('connect', connected);
    socket.removeListener('error', failed);
    socket.removeListener('close', closed);
  };
  const give = (failure: Reason): void => {
    settle();
    // Later errors of a socket nobody wants must not become uncaught exceptions.
    socket.on('error', ignore);
    socket.destroy();
    events.onDialFailed(failure);
  };
  const connected = (): void => {
    settle();
    onConnect(socket);
  };
  const failed = (error: Error): void => give(dialFailure(target, error));
  const closed = (): void => give(dialFailure(target, new Error('closed')));
  socket.on('connect', connected);
  socket.on('error', failed);
  socket.on('close', closed);
  if (options.connectTimeoutMs > 0) {
    timer = setTimeout(() => give(dialTimeout(target, options.connectTimeoutMs)), options.connectTimeoutMs);
  }
  // An address literal never passes through `lookup`.
  if (isForbiddenLiteral(target, options)) process.nextTick(failed, forbiddenError());
  return {
    abort: () => {
      settle();
      socket.on('error', ignore);
      socket.destroy();
    },
  };
}

/**
 * Resolves every address of a name and leaves out the gateway's own admin listeners; `localhost` is both loopback addresses.
 */
export function lookupFor(target: Target, options: ResolvedUpstreamOptions): LookupFunction {
  return (hostname, lookupOptions, callback) => {
    const answer = (error: NodeJS.ErrnoException | null, found: readonly string[]): void => {
      if (error !== null) {
        callback(error, []);
        return;
      }
      const allowed = found
        .filter(address => options.forbidden?.(address, target.port) !== true)
        .map(address => ({ address, family: isIP(address) }));
      if (allowed.length === 0) callback(forbiddenError(), []);
      else if (lookupOptions.all === true) callback(null, allowed);
      else callback(null, allowed[0]!.address, allowed[0]!.family);
    };
    if (isLocalhost(hostname)) process.nextTick(answer, null, LOOPBACK);
    else options.resolve(hostname, answer);
  };
}

/** RFC 6761 6.3. */
function isLocalhost(host: string): boolean {
  return host === 'localhost' || host.endsWith('.localhost');
}

/** The target is an address literal, which no resolver sees, of one of the gateway's own admin listeners. */
export function isForbiddenLiteral({ host, port }: Target, options: ResolvedUpstreamOptions): boolean {
  return isIP(host) !== 0 && options.forbidden?.(host, port) === true;
}

/** The error for an address that must not be dialled. */
export function forbiddenError(): NodeJS.ErrnoException {
  return Object.assign(new Error('address of an admin listener'), { code: FORBIDDEN_ADDRESS });
}

function ignore(): void {}
