import { ErrorCode, type H2Error, OptionError } from '../errors.ts';
import type { RequestHead } from '../handler.ts';
import type { PseudoField } from '../message/pseudo-order.ts';
import { SettingId } from '../settings/settings.ts';
import type { Stream } from '../stream/stream.ts';
import { AcceptQueue } from './accept-queue.ts';
import { Deferred } from './deferred.ts';
import type { Clock } from './host.ts';
import { ServerLink } from './server-link.ts';
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

/** The inside of a server's session: requests on their way to the program. */
export class ServerState extends SessionState {
  /** Settles when the client preface has come, or cannot come any more. */
  readonly prefaced: Deferred<void> = new Deferred();
  /** What `for await` uses. */
  readonly iterator: AsyncIterator<Accepted, undefined> = { next: () => this.queue.accept() };
  readonly queue: AcceptQueue = new AcceptQueue(this.core, link => this.handOut(link));
  /** Pseudo-fields of the first request by HEADERS, null before it came. */
  pseudoOrder: readonly PseudoField[] | null = null;
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
    const { core, queue, options } = this;
    const link = new ServerLink(core, stream, options.maxSendBufferSize, head, endStream, queue);
    stream.context = link;
    if (queue.length >= options.maxPendingAccept) link.reset(ErrorCode.REFUSED_STREAM, 'accept.queue-full');
    else queue.push(link);
  }

  private handOut(link: ServerLink): Accepted {
    if (this.holdRequests) link.takeInHand();
    return { request: new ServerRequest(link), respond: new SendResponse(this, link) };
  }

  override onReset(stream: Stream, error: H2Error): void {
    super.onReset(stream, error);
    const link = stream.context as ServerLink;
    if (!link.isWaiting) return;
    const { queue } = this;
    if (error.initiator !== 'remote' || error.scope !== 'stream') return;
    queue.resets++;
    const { maxPendingAcceptResetStreams } = this.options;
    if (maxPendingAcceptResetStreams === 0 || queue.resets < maxPendingAcceptResetStreams) return;
    this.core.destroy(ErrorCode.ENHANCE_YOUR_CALM, 'accept.resets', 'library');
  }

  onSettingsAcked(): void {
    // The limit on streams may be a higher one now.
    this.queue.serve();
  }

  /** RFC 9113 8.7: what nobody has begun to work for may be sent again, and its client is told so. */
  protected override refuseWaiting(): void {
    const { queue } = this;
    for (let link = queue.oldest; link !== null; link = queue.oldest) {
      if (this.cutting) this.cut.push(link.describe());
      link.reset(ErrorCode.REFUSED_STREAM, 'accept.connection-ended');
    }
  }

  override onClosed(error: H2Error | null): void {
    super.onClosed(error);
    this.queue.end();
    this.prefaced.resolve();
  }

  enableConnectProtocol(): void {
    this.core.updateSettings([SettingId.ENABLE_CONNECT_PROTOCOL, 1]);
  }
}
