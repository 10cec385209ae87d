/** What the list of field lines of a section says of its stream, found out once for all sections that share the list. */
import { type Field, Representation } from '@glassway/inspector-protocol';

/** Null, -1 or false: no such field. */
export interface HeadFacts {
  method: string | null;
  scheme: string | null;
  authority: string | null;
  path: string | null;
  status: number;
  host: string | null;
  contentType: string | null;
  contentLength: number;
  /** NaN when it is no number. */
  grpcStatus: number;
  trailer: boolean;
  /** Whether any line entered a dynamic table. */
  inserts: boolean;
}

/** The facts in a list of field lines. */
export function readHeadFacts(fields: readonly Field[]): HeadFacts {
  const facts: HeadFacts = {
    method: null,
    scheme: null,
    authority: null,
    path: null,
    status: -1,
    host: null,
    contentType: null,
    contentLength: -1,
    grpcStatus: -1,
    trailer: false,
    inserts: false,
  };
  for (const { name, value, representation } of fields) {
    if (representation === Representation.LITERAL_INDEXED) facts.inserts = true;
    // HTTP/1.1 writes names as it likes.
    switch (representation === Representation.TEXT ? name.toLowerCase() : name) {
      case ':method':
        facts.method = value;
        break;
      case ':scheme':
        facts.scheme = value;
        break;
      case ':path':
        facts.path = value;
        break;
      case ':status':
        facts.status = Number(value);
        break;
      case ':authority':
        facts.authority = value;
        break;
      case 'grpc-status':
        facts.grpcStatus = Number(value);
        break;
      case 'content-type':
        facts.contentType = value;
        break;
      case 'content-length':
        if (/^\d{1,15}$/.test(value)) facts.contentLength = Number(value);
        break;
      case 'trailer':
        facts.trailer = true;
        break;
      case 'host':
        facts.host ??= value;
        break;
      default:
    }
  }
  return facts;
}
