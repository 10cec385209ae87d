import { ErrorCode, type H2Error, UsageError } from '../errors.ts';
import type { RequestHead } from '../handler.ts';
import { SettingId } from '../settings.ts';
import type { Stream } from '../stream/stream.ts';
import { Deferred } from './deferred.ts';
import type { Clock } from './host.ts';
import { AsyncQueue } from './queue.ts';
import { refusal, ServerLink } from './server-link.ts';
import { ServerRequest } from './server-request.ts';
import { SendResponse } from './server-response.ts';
import type { SessionOptions } from './session-options.ts';
import { SessionState } from './session-state.ts';

/** A request and the means to respond to it. */
export interface Accepted {
  readonly request: ServerRequest;
  readonly respond: SendResponse;
}

/** The options of the accept queue. */
export interface ServerAcceptOptions {
  /** Requests that may wait for `accept`; more are refused with REFUSED_STREAM. Default 1024, range 1..1,000,000. */
  readonly maxPendingAccept?: number;
  /**
   * Requests reset by the client while they waited for `accept`, at which the connection is ended with
   * ENHANCE_YOUR_CALM (rapid reset, CVE-2023-26964). Default 1000, range 1..1,000,000.
   */
  readonly maxPendingAcceptResetStreams?: number;
}

/** An accepted request as it waits. */
class Pending implements Accepted {
  readonly request: ServerRequest;
  readonly respond: SendResponse;
  readonly link: ServerLink;

  constructor(session: ServerState, link: ServerLink) {
    this.link = link;
    this.request = new ServerRequest(link);
    this.respond = new SendResponse(session, link);
  }
}

const MAX_PENDING_ACCEPT = 1024;
const MAX_PENDING_ACCEPT_RESETS = 1000;

/** The inside of a server's session: requests on their way to the program. */
export class ServerState extends SessionState {
  /** Settles when the client preface has come, or cannot come any more. */
  readonly prefaced: Deferred<void> = new Deferred();
  /** What `for await` uses. */
  readonly iterator: AsyncIterator<Accepted, undefined> = { next: () => this.accept() };
  private readonly queue: AsyncQueue<Pending> = new AsyncQueue();
  private readonly maxPending: number;
  private readonly maxPendingResets: number;
  /** Of those that wait: reset meanwhile, to be skipped. */
  private dead = 0;

  constructor(options: SessionOptions & ServerAcceptOptions & { readonly prefaceReceived?: boolean }, clock: Clock) {
    super('server', options, clock);
    if (options.prefaceReceived === true) this.prefaced.resolve();
    this.maxPending = count('maxPendingAccept', options.maxPendingAccept, MAX_PENDING_ACCEPT);
    this.maxPendingResets = count(
      'maxPendingAcceptResetStreams',
      options.maxPendingAcceptResetStreams,
      MAX_PENDING_ACCEPT_RESETS,
    );
  }

  onPreface(): void {
    this.prefaced.resolve();
  }

  onRequest(stream: Stream, head: RequestHead, endStream: boolean): void {
    const link = new ServerLink(this.core, stream, this.options.maxSendBufferSize, head, endStream);
    stream.context = link;
    this.counters.opened++;
    if (this.pendingAccept >= this.maxPending) {
      link.isAccepted = true;
      link.fail(refusal(stream.id));
      this.core.reset(stream, ErrorCode.REFUSED_STREAM, 'accept.queue-full');
      return;
    }
    link.isAccepted = this.queue.push(new Pending(this, link));
  }

  override onReset(stream: Stream, error: H2Error): void {
    super.onReset(stream, error);
    const link = stream.context as ServerLink;
    if (link.isAccepted) return;
    this.dead++;
    if (this.dead < this.maxPendingResets) return;
    if (error.initiator === 'remote' && error.scope === 'stream') {
      this.core.destroy(ErrorCode.ENHANCE_YOUR_CALM, 'accept.resets', 'library');
    }
    this.dead = 0;
    this.queue.filter(entry => entry.link.failure === null);
  }

  override onClosed(error: H2Error | null): void {
    super.onClosed(error);
    this.queue.end();
    this.prefaced.resolve();
  }

  /** The oldest request that nobody has accepted and that was not reset meanwhile. */
  accept(): Promise<IteratorResult<Accepted, undefined>> {
    for (;;) {
      const value = this.queue.take();
      if (value === undefined) return this.queue.next();
      const { link } = value;
      link.isAccepted = true;
      if (link.failure === null) return Promise.resolve({ done: false, value });
      this.dead--;
    }
  }

  get pendingAccept(): number {
    return this.queue.length - this.dead;
  }

  enableConnectProtocol(): void {
    this.core.updateSettings([SettingId.ENABLE_CONNECT_PROTOCOL, 1]);
  }
}

function count(name: string, value: number | undefined, fallback: number): number {
  if (value === undefined) return fallback;
  if (Number.isInteger(value) && value >= 1 && value <= 1_000_000) return value;
  throw new UsageError('api.option', `option ${name} is ${value}; it must be an integer from 1 to 1000000`);
}
