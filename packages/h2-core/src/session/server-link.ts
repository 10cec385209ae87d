import type { Connection } from '../connection.ts';
import { ErrorCode, type H2Error } from '../errors.ts';
import type { RequestHead } from '../handler.ts';
import type { Stream } from '../stream/stream.ts';
import type { AcceptQueue } from './accept-queue.ts';
import { afterTurn } from './host.ts';
import type { CutStream } from './session-state.ts';
import { ReceiveMode, StreamLink } from './stream-link.ts';

/**
 * Gives back the place of a request that was reset and that the program has lost: nothing it holds can answer any more. Null in
 * a host that does not tell: there the place is gone, see `ServerOptions.holdRequests`.
 */
const lost =
  typeof FinalizationRegistry === 'function' ? new FinalizationRegistry<AcceptQueue>(queue => queue.done()) : null;

/** A server's side of one stream, requested or pushed. */
export class ServerLink extends StreamLink {
  readonly head: RequestHead;
  /** Not handed to the program yet: between two others, or null, in the queue. */
  isWaiting = false;
  waitsBehind: ServerLink | null = null;
  waitsBefore: ServerLink | null = null;
  readonly requests: AcceptQueue;
  /** The program has the request and is neither done with it nor told that it was reset. */
  private inHand = false;
  /** Reasons for which the program is said to work for the request, also after a reset. */
  private holds = 0;
  headSent = false;
  private continued = false;

  constructor(
    core: Connection,
    stream: Stream,
    sendBufferSize: number,
    head: RequestHead,
    receiveEnded: boolean,
    requests: AcceptQueue,
  ) {
    super(core, stream, sendBufferSize, receiveEnded);
    this.head = head;
    this.requests = requests;
  }

  /**
   * The program gets the request, and works for it until it is done, also when it is reset before (rapid reset,
   * CVE-2023-44487). Nothing tells when a program has stopped working for a request but what it does with its objects, so it is
   * done when it has ended the response or given the stream up, and, after a reset, when anything that it waits for or asks has
   * told it so.
   */
  takeInHand(): void {
    this.inHand = true;
    this.hold();
  }

  /**
   * The program is said to work for the request until as many calls of `letGo`. False: it is over, and the program did not work
   * for it any more.
   */
  hold(): boolean {
    if (this.holds === 0 && (this.isClosed || this.failure !== null)) return false;
    if (this.holds++ === 0) this.requests.begin();
    return true;
  }

  letGo(): void {
    if (--this.holds === 0) this.requests.done();
  }

  /** The program is done with the request. */
  settle(): void {
    if (!this.inHand) return;
    this.inHand = false;
    this.letGo();
  }

  override noteTold(): void {
    this.settle();
  }

  override endSend(): void {
    super.endSend();
    this.settle();
  }

  /**
   * What the client sent of a request that is reset and nobody has read goes: its octets are back in the connection's window,
   * which would bound them no more. At the end of the connection there are no more than that window, and they stay.
   */
  override fail(error: H2Error): void {
    super.fail(error);
    if (error.scope === 'stream' && this.failure === error) this.dropUnread(error);
  }

  override reset(code: number, reason: string, cause?: unknown): void {
    this.settle();
    super.reset(code, reason, cause);
  }

  override onClosed(): void {
    super.onClosed();
    if (this.isWaiting) this.requests.remove(this);
    // In order: all of the response was handed over, and its end may leave before `endSend` is heard of.
    if (this.failure === null) this.settle();
    if (!this.inHand) return;
    // The core needs it no more, and it would keep this alive.
    this.stream.context = null;
    lost?.register(this, this.requests);
  }

  /** 100 (Continue) was sent, by the program or here. */
  noteContinue(): void {
    this.continued = true;
  }

  protected override beginRead(): void {
    super.beginRead();
    if (this.receiveEnded || this.headSent || this.continued || this.isClosed) return;
    // RFC 9110 10.1.1: the client waits for this before it sends the body.
    if (!expectsContinue(this.head)) return;
    this.continued = true;
    this.core.inform(this.stream, 100, []);
  }

  override onEndSent(): void {
    super.onEndSent();
    // Not now: this may be a call from the middle of cutting frames. And the program, or a chain of promises that it has
    // set going, may begin to read in this turn.
    if (!this.receiveEnded) afterTurn(() => this.stopUnread());
  }

  /** RFC 9113 8.1: after a complete response the rest of a request that nobody reads is asked for no more. */
  private stopUnread(): void {
    if (this.readBegun && this.receiveMode !== ReceiveMode.DISCARD) return;
    if (this.receiveEnded || this.isClosed || this.failure !== null) return;
    this.failureListeners = null;
    this.reset(ErrorCode.NO_ERROR, 'the response is complete, the rest of the request is not needed');
  }

  cancelRead(): void {
    this.discard();
    if (this.endSent) this.stopUnread();
  }

  override abort(): void {
    this.settle();
    if (this.endSent) {
      this.discard();
      this.stopUnread();
    } else {
      super.abort();
    }
  }

  describe(): CutStream {
    return { streamId: this.stream.id, method: this.head.method, path: this.head.path };
  }
}

function expectsContinue({ fields }: RequestHead): boolean {
  for (let i = 0; i < fields.length; i += 2) {
    if (fields[i] === 'expect') return (fields[i + 1] as string).toLowerCase() === '100-continue';
  }
  return false;
}
