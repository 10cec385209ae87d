import { ErrorCode, type H2Error, OptionError } from '../errors.ts';
import type { RequestHead } from '../handler.ts';
import type { PseudoField } from '../message/pseudo-order.ts';
import { SettingId } from '../settings/settings.ts';
import type { Stream } from '../stream/stream.ts';
import { Deferred } from './deferred.ts';
import type { Clock } from './host.ts';
import { AsyncQueue } from './queue.ts';
import { refusal, ServerLink } from './server-link.ts';
import { ServerRequest } from './server-request.ts';
import { SendResponse } from './server-response.ts';
import type { SessionOptions } from './session-options.ts';
import { SessionState } from './session-state.ts';

/** What can be set on a server's session. */
export interface ServerStateOptions extends SessionOptions {
  readonly holdRequests?: boolean;
}

/** A request and the means to respond to it. */
export interface Accepted {
  readonly request: ServerRequest;
  readonly respond: SendResponse;
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

/** Requests that were reset are taken out of the queue when there are as many, even where their number is not limited. */
const SWEEP_AT = 1000;

/** The inside of a server's session: requests on their way to the program. */
export class ServerState extends SessionState {
  /** Settles when the client preface has come, or cannot come any more. */
  readonly prefaced: Deferred<void> = new Deferred();
  /** What `for await` uses. */
  readonly iterator: AsyncIterator<Accepted, undefined> = { next: () => this.accept() };
  private readonly queue: AsyncQueue<Pending> = new AsyncQueue();
  /** Pseudo-fields of the first request by HEADERS, null before it came. */
  pseudoOrder: readonly PseudoField[] | null = null;
  /** Of those that wait: reset meanwhile, to be skipped. */
  private dead = 0;
  private readonly holdRequests: boolean;

  constructor(options: ServerStateOptions, clock: Clock) {
    super('server', options, clock);
    const { holdRequests = true } = options;
    if (typeof holdRequests !== 'boolean') throw new OptionError('holdRequests', holdRequests, 'true or false');
    this.holdRequests = holdRequests;
    if (this.options.prefaceReceived) this.prefaced.resolve();
  }

  onPreface(): void {
    this.prefaced.resolve();
  }

  onRequest(stream: Stream, head: RequestHead, endStream: boolean): void {
    this.pseudoOrder ??= head.pseudoOrder ?? null;
    const link = new ServerLink(this.core, stream, this.options.maxSendBufferSize, head, endStream);
    stream.context = link;
    if (this.pendingAccept >= this.options.maxPendingAccept) {
      link.isAccepted = true;
      link.fail(refusal(stream.id));
      this.core.reset(stream, ErrorCode.REFUSED_STREAM, 'accept.queue-full');
      return;
    }
    if (this.queue.push(new Pending(this, link))) link.accept(this.holdRequests);
  }

  override onReset(stream: Stream, error: H2Error): void {
    super.onReset(stream, error);
    const link = stream.context as ServerLink;
    if (link.isAccepted) return;
    this.dead++;
    const { maxPendingAcceptResetStreams } = this.options;
    if (this.dead < (maxPendingAcceptResetStreams || SWEEP_AT)) return;
    if (maxPendingAcceptResetStreams !== 0 && error.initiator === 'remote' && error.scope === 'stream') {
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
      if (link.failure === null) {
        link.accept(this.holdRequests);
        return Promise.resolve({ done: false, value });
      }
      link.isAccepted = true;
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
