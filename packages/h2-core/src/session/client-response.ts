/// <reference lib="esnext.disposable" preserve="true" />

import { ErrorCode } from '../errors.ts';
import type { ResponseHead } from '../handler.ts';
import type { ClientLink } from './client-link.ts';
import { HeaderList } from './headers.ts';
import { inspectAsText, requestLine } from './inspect.ts';
import { RecvStream } from './recv-stream.ts';

/** A 1xx response (RFC 9110 15.2). */
export class Informational {
  /** 100 or 102..199. */
  readonly status: number;
  /** The fields, without `:status`. */
  readonly headers: HeaderList;

  constructor(head: ResponseHead) {
    this.status = head.status;
    this.headers = new HeaderList(head.fields, head.sensitive);
  }

  /** For people: `103`, and the names of its fields. */
  toString(): string {
    return `${this.status} ${this.headers}`;
  }

  static {
    inspectAsText(Informational.prototype);
  }
}

/** A final response. */
export class ClientResponse {
  /** 200..999. */
  readonly status: number;
  /** The fields, without `:status`. */
  readonly headers: HeaderList;
  /** The body: read it, or `cancel()` it, or the server is held up. */
  readonly body: RecvStream;
  private readonly link: ClientLink;

  constructor(link: ClientLink, head: ResponseHead) {
    this.link = link;
    this.status = head.status;
    this.headers = new HeaderList(head.fields, head.sensitive);
    this.body = new RecvStream(link);
  }

  /** The stream's number. */
  get streamId(): number {
    return this.link.stream.id;
  }

  /** For people: `200 (stream 1)`, and the names of its fields. The body is left out. */
  toString(): string {
    return `${this.status} (stream ${this.streamId}) ${this.headers}`;
  }

  static {
    inspectAsText(ClientResponse.prototype);
  }
}

/** A promised request (RFC 9113 8.4): what was asked in our name, and the response to it. */
export class PushedRequest {
  private readonly link: ClientLink;
  private headerList: HeaderList | null = null;

  constructor(link: ClientLink) {
    this.link = link;
  }

  /** The promised stream's number. */
  get streamId(): number {
    return this.link.stream.id;
  }

  /** The promised method, GET or HEAD. */
  get method(): string {
    return this.link.head.method;
  }

  /** `http` or `https`. */
  get scheme(): string {
    return this.link.head.scheme;
  }

  /** Host and optional port. */
  get authority(): string {
    return this.link.head.authority;
  }

  /** Path with query. */
  get path(): string {
    return this.link.head.path;
  }

  /** The promised fields, without pseudo-fields. */
  get headers(): HeaderList {
    const { head } = this.link;
    this.headerList ??= new HeaderList(head.fields, head.sensitive);
    return this.headerList;
  }

  /** The response; fails with an `H2Error` when the stream is reset. */
  get response(): Promise<ClientResponse> {
    return this.link.awaitResponse();
  }

  /** Ends the promised stream with RST_STREAM. Default code: CANCEL. */
  reset(code: number = ErrorCode.CANCEL, reason = ''): void {
    this.link.reset(code, reason);
  }

  /** Refuses the promise with CANCEL, unless the response is complete. */
  abort(): void {
    this.link.abort();
  }

  /** `abort()`. */
  [Symbol.dispose](): void {
    this.abort();
  }

  /** For people: `GET https://example.org/path (stream 2)`. Fields are left out. */
  toString(): string {
    return requestLine(this, this.streamId);
  }

  static {
    inspectAsText(PushedRequest.prototype);
  }
}
