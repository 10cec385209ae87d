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

/** Heads by row of the table of streams: parallel arrays, so that a stream costs no object. */
export class StreamHeads {
  private readonly method: string[] = [];
  private readonly scheme: string[] = [];
  private readonly authority: string[] = [];
  private readonly path: string[] = [];

  /** A request's head. */
  set(row: number, head: HeadCapture): void {
    this.method[row] = head.method;
    this.scheme[row] = head.scheme;
    this.authority[row] = head.authority;
    this.path[row] = head.path;
  }

  /** The row is free: nothing is held on to. */
  clear(row: number): void {
    this.method[row] = '';
    this.scheme[row] = '';
    this.authority[row] = '';
    this.path[row] = '';
  }

  /** What a row asks for. */
  read(row: number): StreamHead {
    return {
      method: this.method[row] ?? '',
      scheme: this.scheme[row] ?? '',
      authority: this.authority[row] ?? '',
      path: this.path[row] ?? '',
    };
  }
}
