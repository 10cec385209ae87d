/// <reference lib="esnext.disposable" preserve="true" />

import { ErrorCode, type H2Error, UsageError } from '../errors.ts';
import type { RequestHead } from '../handler.ts';
import { shown } from '../shown.ts';
import { checkObject } from './given.ts';
import { flatten, type HeadersInput } from './headers.ts';
import { inspectAsText, requestLine } from './inspect.ts';
import { SendStream } from './send-stream.ts';
import { ServerLink } from './server-link.ts';
import type { SessionState } from './session-state.ts';
import { abortController, type HostAbortSignal } from './web-streams.ts';

/** Head of a response to send. */
export interface ResponseHeadInit {
  /** Final status, 200..999. Default 200. */
  readonly status?: number;
  readonly headers?: HeadersInput;
}

/** A request to promise. What is left out is taken from the request that the promise goes with. */
export interface PushInit {
  /** GET (default) or HEAD. */
  readonly method?: string;
  readonly scheme?: string;
  readonly authority?: string;
  readonly path: string;
  readonly headers?: HeadersInput;
}

/** What responses to requests and to promises have in common. */
export abstract class Responder {
  protected readonly session: SessionState;
  protected readonly link: ServerLink;
  private aborter: ReturnType<typeof abortController> | null = null;

  constructor(session: SessionState, link: ServerLink) {
    this.session = session;
    this.link = link;
  }

  /** The stream's number. */
  get streamId(): number {
    return this.link.stream.id;
  }

  /**
   * Sends the response's head and gives its body to write. `endStream`: there is no body. Responses to HEAD and those
   * with status 204 or 304 have no body by themselves: what is written to them is dropped (RFC 9110 6.4.1). On a stream
   * that has been reset this does nothing. A bad head throws a `UsageError`, and nothing is sent.
   */
  send(head: ResponseHeadInit, options?: { readonly endStream?: boolean }): SendStream {
    const { link } = this;
    checkObject('api.head', 'the head of a response is an object such as { status: 200 }', head);
    const status = head.status ?? 200;
    checkStatus(status);
    const { fields, sensitive } = flatten(head.headers);
    const bodyless = status === 204 || status === 304 || link.head.method === 'HEAD';
    const end = bodyless || options?.endStream === true;
    link.core.respond(link.stream, status, fields, end, sensitive);
    link.headSent = true;
    if (end) {
      link.isBodyless = bodyless;
      link.sendEnded = !bodyless;
      link.settle();
      // On a stream that has been reset nothing was sent.
      if (link.failure === null) link.onEndSent();
    }
    return new SendStream(link);
  }

  /**
   * Overrides the priority the client gave this response (RFC 9218 8): `urgency` 0 (first) to 7; `incremental` responses of
   * one urgency take turns, others go one after the other.
   */
  prioritise(urgency: number, incremental = false): void {
    this.link.core.prioritise(this.link.stream, urgency, incremental);
  }

  /** Ends the stream, both halves, with RST_STREAM. `reason` is for the tap. Default code: CANCEL. */
  reset(code: number = ErrorCode.CANCEL, reason = ''): void {
    this.link.reset(code, reason);
  }

  /**
   * Gives the stream up: RST_STREAM with CANCEL, or with NO_ERROR when the response is complete and only the request is
   * not. Nothing when both are.
   */
  abort(): void {
    this.link.abort();
  }

  /** `abort()`. */
  [Symbol.dispose](): void {
    this.abort();
  }

  /** True when the stream has been reset, by either side, or was cut by the end of the connection. */
  get isReset(): boolean {
    const { link } = this;
    if (link.failure !== null) link.noteTold();
    return link.failure !== null;
  }

  /** Calls `listener`, once and soon, when the stream is reset by the peer or cut by the end of the connection. */
  onReset(listener: (error: H2Error) => void): void {
    if (typeof listener !== 'function') throw new UsageError('api.listener', `${shown(listener)} cannot be called`);
    this.link.onFailure(error => {
      if (error.rule !== 'stream.reset') listener(error);
    });
  }

  /** Aborted, with the `H2Error` as reason, when the stream is reset. For `fetch` and the like. */
  get signal(): HostAbortSignal {
    if (this.aborter === null) {
      const aborter = abortController();
      this.aborter = aborter;
      this.link.onFailure(error => aborter.abort(error));
    }
    return this.aborter.signal;
  }

  /** For people: `response to GET https://example.org/path (stream 1)`. */
  toString(): string {
    return `response to ${requestLine(this.link.head, this.streamId)}`;
  }

  static {
    inspectAsText(Responder.prototype);
  }
}

/** The response to a promise. */
export class SendPushedResponse extends Responder {
  /** The request that was promised. */
  get request(): RequestHead {
    return this.link.head;
  }
}

/** The response to a request: any number of informational ones and promises, then `send`. */
export class SendResponse extends Responder {
  /** Sends a 1xx response, 100 or 102..199, before the final one. RFC 9110 15.2. */
  informational(status: number, headers?: HeadersInput): void {
    const { link } = this;
    checkStatus(status);
    const { fields, sensitive } = flatten(headers);
    link.core.inform(link.stream, status, fields, sensitive);
    if (status === 100) link.noteContinue();
  }

  /**
   * Has the program say itself how long it works for this request, as for a query that cannot be stopped: the request counts
   * among those in hand, of which there are at most `maxConcurrentStreams`, until the function returned is called, no longer
   * and, when the client resets it, no shorter. Without it this is guessed: see `ServerOptions.holdRequests`. To be called before
   * the response is ended and before the program has heard of a reset: then there is nothing left to hold. `serve` of `./fetch`
   * does it for every request, until its handler has settled.
   */
  hold(): () => void {
    const { link } = this;
    let holds = link.hold();
    link.settle();
    return () => {
      if (holds) link.letGo();
      holds = false;
    };
  }

  /**
   * True when the client accepts promises (SETTINGS_ENABLE_PUSH), as many as there would be (SETTINGS_MAX_CONCURRENT_STREAMS),
   * and this stream can still carry one: `push` of a sound request does not throw then.
   */
  get canPush(): boolean {
    const { core, stream } = this.link;
    return core.canPush(stream);
  }

  /**
   * Promises the response to another request (RFC 9113 8.4); send the promise before what refers to it. Throws a
   * `UsageError` when `canPush` is false.
   */
  push(request: PushInit): SendPushedResponse {
    const { link, session } = this;
    checkObject('api.head', "a request to promise is an object such as { path: '/a.css' }", request);
    const method = request.method ?? 'GET';
    if (method !== 'GET' && method !== 'HEAD') {
      throw new UsageError('api.push-method', `a promised request is safe and has no body: GET or HEAD, not ${method}`);
    }
    const { fields, sensitive } = flatten(request.headers);
    const head: RequestHead = {
      method,
      scheme: request.scheme ?? link.head.scheme,
      authority: request.authority ?? link.head.authority,
      path: request.path,
      protocol: '',
      fields,
      sensitive,
    };
    const stream = link.core.push(link.stream, head);
    const promised = new ServerLink(link.core, stream, link.sendBufferSize, head, true, link.requests);
    stream.context = promised;
    return new SendPushedResponse(session, promised);
  }
}

/** The core says which numbers are statuses; what is none, such as the text of one, is said here. */
function checkStatus(status: unknown): void {
  if (typeof status === 'number') return;
  throw new UsageError('api.status', `a status is a number, not ${shown(status)}`);
}
