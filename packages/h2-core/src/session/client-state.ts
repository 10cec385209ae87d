import { ErrorCode, H2Error, UsageError } from '../errors.ts';
import type { AltSvc } from '../frame/extension-frames.ts';
import type { RequestHead, ResponseHead } from '../handler.ts';
import { type Stream, StreamRecord } from '../stream/stream.ts';
import { ClientLink } from './client-link.ts';
import { Deferred } from './deferred.ts';
import { type Clock, microtask } from './host.ts';
import { PromisedLink, PushBudget } from './promised-link.ts';
import type { SessionOptions } from './session-options.ts';
import { type FrameListeners, SessionState } from './session-state.ts';
import { givenUp } from './stream-link.ts';

/** What a client can be told beyond responses. */
export interface ClientListeners extends FrameListeners {
  /** Called soon after ALTSVC came: for `service.origin`, or for the origin of the request on `streamId`. RFC 7838 4. */
  readonly onAltSvc?: (service: AltSvc, streamId: number) => void;
  /** Called soon after ORIGIN came: what the server answers for, not checked against its certificate. RFC 8336. */
  readonly onOrigins?: (origins: readonly string[]) => void;
  /**
   * Whether the server is authoritative for `origin`, such as `https://img.example.org`, which it pushes something of
   * (RFC 9113 8.4, 10.1): its certificate says. Not asked for the origin of the request that the push belongs to. Default:
   * it is not, and such pushes are reset.
   */
  readonly isAuthoritative?: (origin: string) => boolean;
}

/** The inside of a client's session: responses on their way to the program, and requests on theirs to the server. */
export class ClientState extends SessionState {
  /** Requests that ended as safe to retry since `shutdown` was called; null before. */
  unprocessed: (RequestHead & { readonly isReplayable: boolean })[] | null = null;
  private slotsWaited: Deferred<void>[] = [];
  /** Requests without body that wait in the core for a slot, in order. */
  private readonly unopened: Set<ClientLink> = new Set();
  private checking = false;
  /** The stream numbers are used up (RFC 9113 5.1.1). */
  private exhausted = false;

  private readonly clientListeners: ClientListeners;
  private readonly pushBudget: PushBudget;

  constructor(options: SessionOptions & ClientListeners, clock: Clock) {
    super('client', options, clock);
    this.clientListeners = options;
    this.pushBudget = new PushBudget(this.core);
  }

  // Handler -----------------------------------------------------------------------------------------------------------

  onResponse(stream: Stream, head: ResponseHead, endStream: boolean): void {
    (stream.context as ClientLink).onResponse(head, endStream);
  }

  onInformational(stream: Stream, head: ResponseHead): void {
    (stream.context as ClientLink).onInformational(head);
  }

  onPush(stream: Stream, promised: Stream, head: RequestHead): void {
    const link = new PromisedLink(this.core, promised, this.options.maxSendBufferSize, head);
    promised.context = link;
    // SETTINGS that nobody has acknowledged do not keep a server from pushing (RFC 9113 6.5.3): it is told by RST_STREAM.
    if (!this.options.enablePush) {
      link.reset(ErrorCode.CANCEL, 'pushes are not wanted');
      return;
    }
    const parent = stream.context as ClientLink;
    const origin = originOf(head);
    if (origin !== originOf(parent.head) && this.clientListeners.isAuthoritative?.(origin) !== true) {
      link.reset(ErrorCode.PROTOCOL_ERROR, `the server is not authoritative for ${origin}`);
      return;
    }
    if (link.wait(this.pushBudget)) parent.onPush(link);
  }

  onAltSvc(streamId: number, service: AltSvc): void {
    const { onAltSvc } = this.clientListeners;
    if (onAltSvc !== undefined) microtask(() => onAltSvc(service, streamId));
  }

  onOrigins(origins: readonly string[]): void {
    const { onOrigins } = this.clientListeners;
    if (onOrigins !== undefined) microtask(() => onOrigins(origins));
  }

  override onReset(stream: Stream, error: H2Error): void {
    super.onReset(stream, error);
    // A push was asked for by nobody: there is no request to send again.
    if (!error.retryable || !(stream as StreamRecord).local) return;
    const { head, isReplayable } = stream.context as ClientLink;
    this.unprocessed?.push({ ...head, isReplayable });
  }

  override onStreamClosed(stream: Stream): void {
    if (this.unopened.size !== 0) {
      this.tellOpened();
      // One that was given up in the middle of those that wait.
      this.unopened.delete(stream.context as ClientLink);
    }
    super.onStreamClosed(stream);
    this.checkSlots();
  }

  onSlotsFree(): void {
    this.checkSlots();
  }

  override onSettings(pairs: readonly number[]): void {
    super.onSettings(pairs);
    this.checkSlots();
  }

  override onGoAway(lastStreamId: number, code: number, debugData: Uint8Array): void {
    super.onGoAway(lastStreamId, code, debugData);
    this.checkSlots();
  }

  override onClosed(error: H2Error | null): void {
    super.onClosed(error);
    this.checkSlots();
  }

  // Requests ------------------------------------------------------------------------------------------------------------

  /** Makes a request; one that the connection takes no more fails as retryable. */
  request(head: RequestHead, endStream: boolean, isReplayable: boolean): ClientLink {
    const { core } = this;
    const link = new ClientLink(core, UNSENT, this.options.maxSendBufferSize, head);
    link.sendEnded = endStream;
    link.isReplayable = isReplayable;
    try {
      link.stream = core.request(head, endStream, link);
    } catch (error) {
      // Whether GOAWAY came before the call is no mistake of the caller.
      if (!(error instanceof UsageError) || error.rule !== 'api.going-away') throw error;
      this.exhausted = !this.takesNoMore;
      link.refuse(this.unsent());
      this.unprocessed?.push({ ...head, isReplayable });
    }
    // Of one refused nothing was sent, and of one that waits for a slot nothing yet.
    if (endStream && link.failure === null) {
      if (link.stream.id === 0) this.unopened.add(link);
      else link.onEndSent();
    }
    return link;
  }

  /** A request that its signal kept from being made. */
  aborted(head: RequestHead, isReplayable: boolean, reason: unknown): ClientLink {
    const link = new ClientLink(this.core, UNSENT, this.options.maxSendBufferSize, head);
    link.isReplayable = isReplayable;
    link.refuse(givenUp(reason));
    return link;
  }

  /** The request that was sent by HTTP/1.1 and upgraded. */
  requestUpgraded(head: RequestHead): ClientLink {
    const link = new ClientLink(this.core, UNSENT, this.options.maxSendBufferSize, head);
    link.sendEnded = true;
    link.stream = this.core.requestUpgraded(head, link);
    link.onEndSent();
    return link;
  }

  /** Settles when a request would open its stream at once. */
  ready(): Promise<void> {
    const { core } = this;
    if (core.canOpen) return Promise.resolve();
    const slot = new Deferred<void>();
    if (this.takesNoMore) {
      slot.reject(this.unsent());
    } else {
      this.slotsWaited.push(slot);
    }
    return slot.promise;
  }

  private get takesNoMore(): boolean {
    return this.core.isClosed || this.core.isDraining || this.exhausted;
  }

  private unsent(): H2Error {
    const { error } = this.core;
    return new H2Error('the connection takes no more requests', {
      scope: 'stream',
      code: error?.code ?? ErrorCode.REFUSED_STREAM,
      initiator: error?.initiator ?? 'library',
      rule: 'request.unsent',
      rfc: '9113 6.8',
      retryable: true,
    });
  }

  /** Tells the requests that have left, head and END_STREAM in one, that they have. */
  private tellOpened(): void {
    for (const link of this.unopened) {
      if (link.failure === null && link.stream.id === 0) return;
      this.unopened.delete(link);
      if (link.failure === null) link.onEndSent();
    }
  }

  /** Looks, after what is going on in the core, whether somebody who waits for a stream may go on. */
  private checkSlots(): void {
    if (this.checking || (this.slotsWaited.length === 0 && this.unopened.size === 0)) return;
    this.checking = true;
    microtask(() => {
      this.checking = false;
      this.tellOpened();
      if (this.takesNoMore) {
        for (const slot of this.slotsWaited.splice(0)) slot.reject(this.unsent());
      } else if (this.core.canOpen) {
        this.slotsWaited.shift()?.resolve();
        // The next one goes on when this one has made its request.
        this.checkSlots();
      }
    });
  }
}

/** Stands for the stream of a request that was never sent. */
const UNSENT: Stream = new StreamRecord(0, true, 0, 0);

function originOf({ scheme, authority }: RequestHead): string {
  const port = scheme === 'https' ? ':443' : ':80';
  const host = authority.toLowerCase();
  return `${scheme.toLowerCase()}://${host.endsWith(port) ? host.slice(0, -port.length) : host}`;
}
