import type { RequestHead } from '../handler.ts';
import type { PseudoField } from '../message/pseudo-order.ts';
import { HeaderList } from './headers.ts';
import { inspectAsText, requestLine } from './inspect.ts';
import { RecvStream } from './recv-stream.ts';
import type { ServerLink } from './server-link.ts';

/** A received request (RFC 9113 8.3.1). */
export class ServerRequest {
  private readonly link: ServerLink;
  private readonly head: RequestHead;
  private headerList: HeaderList | null = null;
  private recvStream: RecvStream | null = null;

  constructor(link: ServerLink) {
    this.link = link;
    this.head = link.head;
  }

  /** The stream's number. */
  get streamId(): number {
    return this.link.stream.id;
  }

  /** Method as sent; methods are case-sensitive (RFC 9110 9.1). */
  get method(): string {
    return this.head.method;
  }

  /** `http` or `https`; empty for ordinary CONNECT. */
  get scheme(): string {
    return this.head.scheme;
  }

  /** Host and optional port, from `:authority` or else `host`; empty when the request had neither. */
  get authority(): string {
    return this.head.authority;
  }

  /** Path with query, `*` for OPTIONS; empty for ordinary CONNECT. */
  get path(): string {
    return this.head.path;
  }

  /** `:protocol` of extended CONNECT (RFC 8441), else empty. */
  get protocol(): string {
    return this.head.protocol;
  }

  /** The pseudo-fields in the order in which they came; empty for a request that came by Upgrade. */
  get pseudoOrder(): readonly PseudoField[] {
    return this.head.pseudoOrder ?? [];
  }

  /** The fields, without pseudo-fields. */
  get headers(): HeaderList {
    this.headerList ??= new HeaderList(this.head.fields, this.head.sensitive);
    return this.headerList;
  }

  /** The body. Reading it answers `expect: 100-continue` by itself. */
  get body(): RecvStream {
    this.recvStream ??= new RecvStream(this.link);
    return this.recvStream;
  }

  /** For people: `GET https://example.org/path (stream 1)`. Fields and body are left out. */
  toString(): string {
    return requestLine(this.head, this.streamId);
  }

  static {
    inspectAsText(ServerRequest.prototype);
  }
}
