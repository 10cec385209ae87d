/**
 * What open streams ask for, kept on the writer's side so that it can be told to a reader that comes late: a stream may
 * be open for days, and its head has left the ring long ago.
 */

/** What a stream asks for; empty: not known, or redacted. */
export interface StreamHead {
  readonly method: string;
  readonly scheme: string;
  readonly authority: string;
  readonly path: string;
}

/** Control data of one section while it is gathered: pseudo-fields that were not redacted. */
export class HeadCapture implements StreamHead {
  method = '';
  scheme = '';
  authority = '';
  path = '';
  status = '';
  /** The content type is one of gRPC's with messages in octets. */
  grpc = false;

  clear(): void {
    this.method = '';
    this.scheme = '';
    this.authority = '';
    this.path = '';
    this.status = '';
    this.grpc = false;
  }

  /** The content type. `application/grpc-web-text` is base64, in which prefixes cannot be seen. */
  contentType(value: string): void {
    this.grpc = value.startsWith('application/grpc') && !value.startsWith('application/grpc-web-text');
  }

  /** One pseudo-field. */
  take(name: string, value: string): void {
    switch (name) {
      case ':method':
        this.method = value;
        break;
      case ':scheme':
        this.scheme = value;
        break;
      case ':authority':
        this.authority = value;
        break;
      case ':path':
        this.path = value;
        break;
      case ':status':
        this.status = value;
        break;
      default:
    }
  }
}

/** Texts of one head. */
const TEXTS = 4;

/** Heads by row of the table of streams: one array, so that a stream costs no object and its texts lie together. */
export class StreamHeads {
  private readonly texts: string[] = [];

  /** A request's head. */
  set(row: number, head: HeadCapture): void {
    const { texts } = this;
    const at = row * TEXTS;
    // No holes: rows are taken in order, but not every one gets a head.
    while (texts.length < at) texts.push('');
    texts[at] = head.method;
    texts[at + 1] = head.scheme;
    texts[at + 2] = head.authority;
    texts[at + 3] = head.path;
  }

  /** The row is free: nothing is held on to. */
  clear(row: number): void {
    const { texts } = this;
    const at = row * TEXTS;
    if (at >= texts.length) return;
    texts[at] = '';
    texts[at + 1] = '';
    texts[at + 2] = '';
    texts[at + 3] = '';
  }

  /** What a row asks for. */
  read(row: number): StreamHead {
    const at = row * TEXTS;
    const [method = '', scheme = '', authority = '', path = ''] = this.texts.slice(at, at + TEXTS);
    return { method, scheme, authority, path };
  }
}
