import type { Connection } from '../connection.ts';
import { ErrorCode, H2Error } from '../errors.ts';
import type { RequestHead } from '../handler.ts';
import type { Stream } from '../stream/stream.ts';
import { afterTurn } from './host.ts';
import type { CutStream } from './session-state.ts';
import { ReceiveMode, StreamLink } from './stream-link.ts';

/** A server's side of one stream, requested or pushed. */
export class ServerLink extends StreamLink {
  readonly head: RequestHead;
  /** Handed to the program by `accept`. */
  isAccepted = false;
  headSent = false;
  private continued = false;

  constructor(core: Connection, stream: Stream, sendBufferSize: number, head: RequestHead, receiveEnded: boolean) {
    super(core, stream, sendBufferSize, receiveEnded);
    this.head = head;
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

/** The error of a stream that the program refused before it was accepted. */
export function refusal(streamId: number): H2Error {
  return new H2Error('too many requests wait to be accepted', {
    scope: 'stream',
    code: ErrorCode.REFUSED_STREAM,
    initiator: 'library',
    rule: 'accept.queue-full',
    streamId,
    retryable: true,
  });
}
