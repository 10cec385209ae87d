import type { Connection } from '../connection.ts';
import { ErrorCode, type H2Error } from '../errors.ts';
import type { RequestHead, ResponseHead } from '../handler.ts';
import type { Stream } from '../stream/stream.ts';
import { ClientResponse, Informational, PushedRequest } from './client-response.ts';
import { Deferred } from './deferred.ts';
import type { PromisedLink } from './promised-link.ts';
import { AsyncQueue } from './queue.ts';
import type { CutStream } from './session-state.ts';
import { StreamLink } from './stream-link.ts';
import type { AbortSignalLike } from './web-streams.ts';

/** Informational responses kept for a program that does not read them; one more resets the stream. */
const MAX_UNREAD_INFORMATIONAL = 64;

/** A client's side of one stream, requested or promised. */
export class ClientLink extends StreamLink {
  readonly head: RequestHead;
  /** The program could send the request again as it is. */
  isReplayable = true;
  private answer: ClientResponse | null = null;
  private answerWaited: Deferred<ClientResponse> | null = null;
  private hints: AsyncQueue<Informational> | null = null;
  private promises: AsyncQueue<PromisedLink> | null = null;
  /** The program has asked for the promises. */
  private wantsPromises = false;
  /** It has left the loop over them: what comes is refused. */
  private refusesPromises = false;
  /** Takes the listener off the signal that governs this request. */
  private unfollow: (() => void) | null = null;
  /** The response's head has come or cannot come any more. */
  private answered = false;

  constructor(core: Connection, stream: Stream, sendBufferSize: number, head: RequestHead) {
    super(core, stream, sendBufferSize, false);
    this.head = head;
  }

  // From the core -----------------------------------------------------------------------------------------------------

  onInformational(head: ResponseHead): void {
    this.hints ??= new AsyncQueue();
    if (this.hints.length >= MAX_UNREAD_INFORMATIONAL) {
      this.reset(ErrorCode.ENHANCE_YOUR_CALM, `more than ${MAX_UNREAD_INFORMATIONAL} informational responses unread`);
    } else {
      this.hints.push(new Informational(head));
    }
  }

  onResponse(head: ResponseHead, endStream: boolean): void {
    this.answered = true;
    this.answer = new ClientResponse(this, head);
    if (endStream) this.endReceive(null, null);
    this.hints?.end();
    this.answerWaited?.resolve(this.answer);
  }

  onPush(promised: PromisedLink): void {
    if (this.refusesPromises) {
      promised.leave();
      promised.abort();
      return;
    }
    this.promises ??= new AsyncQueue();
    this.promises.push(promised);
  }

  override fail(error: H2Error): void {
    if (this.failure !== null || this.isClosed) return;
    super.fail(error);
    this.hints?.end();
    if (!this.answered) this.answerWaited?.reject(error);
    this.answered = true;
  }

  override onClosed(): void {
    super.onClosed();
    this.unfollow?.();
    const { promises } = this;
    if (promises === null) return;
    // Promises come on open streams only. Those that nobody has asked for would hold their place for ever.
    if (!this.wantsPromises) this.refusePromises();
    promises.end();
  }

  /** Resets the promises nobody has taken. */
  private refusePromises(): void {
    for (;;) {
      const promised = this.promises?.take();
      if (promised === undefined) return;
      promised.leave();
      promised.abort();
    }
  }

  // From the program --------------------------------------------------------------------------------------------------

  /** The final response. */
  awaitResponse(): Promise<ClientResponse> {
    if (this.answer !== null) return Promise.resolve(this.answer);
    if (this.answerWaited === null) {
      this.answerWaited = new Deferred();
      if (this.failure !== null) this.answerWaited.reject(this.failure);
    }
    return this.answerWaited.promise;
  }

  /** 1xx responses until the final one. */
  informational(): AsyncIterable<Informational> {
    const hints = this.hints ?? new AsyncQueue<Informational>();
    this.hints = hints;
    if (this.answered) hints.end();
    return { [Symbol.asyncIterator]: () => ({ next: () => hints.next() }) };
  }

  /** Promises until the stream has closed; leaving the loop refuses the others, those to come too. */
  pushes(): AsyncIterable<PushedRequest> {
    this.wantsPromises = true;
    this.refusesPromises = false;
    const promises = this.promises ?? new AsyncQueue<PromisedLink>();
    this.promises = promises;
    if (this.isClosed) promises.end();
    return {
      [Symbol.asyncIterator]: () => ({
        next: async () => {
          const { done, value } = await promises.next();
          if (done === true) return { done, value };
          value.leave();
          return { done: false, value: new PushedRequest(value) };
        },
        return: () => {
          this.wantsPromises = false;
          this.refusesPromises = true;
          this.refusePromises();
          return Promise.resolve({ done: true, value: undefined });
        },
      }),
    };
  }

  /** Gives the request up when `signal` is aborted. */
  follow(signal: AbortSignalLike): void {
    const abort = (): void => this.abort(signal.reason);
    if (!this.isClosed) {
      signal.addEventListener('abort', abort, { once: true });
      this.unfollow = () => signal.removeEventListener('abort', abort);
    }
  }

  /** Gives the request up before it was sent: nothing of it is on its way. */
  refuse(error: H2Error): void {
    this.fail(error);
    this.isClosed = true;
  }

  cancelRead(): void {
    if (!this.receiveEnded) this.abort();
    this.discard();
  }

  override abort(cause?: unknown): void {
    if (this.receiveEnded && this.sendEnded) return;
    super.abort(cause);
  }

  describe(): CutStream {
    return { streamId: this.stream.id, method: this.head.method, path: this.head.path };
  }
}
