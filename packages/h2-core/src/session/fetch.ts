/**
 * HTTP/2 for programs in the style of fetch: `serve(transport, request => new Response(...))`. Whatever is written against
 * the Request and Response of the Fetch standard runs on it unchanged.
 *
 * @module
 */
import { ErrorCode, H2Error } from '../errors.ts';
import type { HeadersInput } from './headers.ts';
import { normaliseHeaders } from './normalise.ts';
import { type Accepted, handshake, type ServerConnection, type ServerOptions } from './server.ts';
import type { ServerRequest } from './server-request.ts';
import type { Transport } from './transport.ts';
import type { WebReadable } from './web-driver.ts';
import type { AbortSignalLike, HostReadableStream } from './web-streams.ts';

export type { HeadersInput } from './headers.ts';
export type { ServerConnection, ServerOptions } from './server.ts';
export type { ServerRequest } from './server-request.ts';
export type { Transport } from './transport.ts';
export type { WebReadable } from './web-driver.ts';
export type { AbortSignalLike, HostReadableStream } from './web-streams.ts';

/** What is used of a Response. */
export interface ResponseLike {
  readonly status: number;
  readonly headers: Iterable<[string, string]>;
  readonly body: (WebReadable & { readonly locked: boolean }) | null;
}

/** What is there of a Request in a host without types for it. */
export interface RequestLike {
  readonly method: string;
  readonly url: string;
  readonly headers: Iterable<[string, string]>;
  readonly body: (WebReadable & { readonly locked: boolean }) | null;
  readonly bodyUsed: boolean;
  readonly signal: AbortSignalLike;
}

/** The program's own Request type where it has one (DOM or Node types). */
export type HostRequest = typeof globalThis extends { Request: { prototype: infer Type } } ? Type : RequestLike;

/** The program's own Response type where it has one. */
export type HostResponse = typeof globalThis extends { Response: { prototype: infer Type } } ? Type : ResponseLike;

/** What HTTP/2 has beyond Request and Response. */
export interface FetchContext {
  /** The request below: stream number, `:protocol`, trailers of its body. */
  readonly request: ServerRequest;
  /** Sends a 1xx response, such as 103 (Early Hints), before the final one. */
  informational(status: number, headers?: HeadersInput): void;
  /** Trailers to send after the response's body; a function is called when the body has ended. */
  trailers(fields: HeadersInput | (() => HeadersInput | Promise<HeadersInput>)): void;
}

/**
 * Answers a request. `request.signal` is aborted when the client resets the stream; until the handler's promise has settled
 * and the body of its response is done or given up, the request counts as worked for even so, and others wait when these are
 * `maxConcurrentStreams` (rapid reset, CVE-2023-44487). A body that is not read is not sent by a client that waits for 100
 * (Continue), and is stopped when the response is complete. One that somebody reads, by `text()`, `pipeTo` or a reader that has
 * not let go, may be read on after the response; only a handler that fails has it stopped. Whoever reads a body that was stopped
 * before its end gets an `H2Error`. A reader that neither reads on nor lets go keeps the stream open, and the client's place with
 * it, until the client ends or resets it: release it, or cancel.
 */
export type FetchHandler = (request: HostRequest, context: FetchContext) => HostResponse | Promise<HostResponse>;

/** Options of `serve`; all have defaults. */
export interface ServeOptions extends ServerOptions {
  /**
   * Told what a handler, or the body of its response, failed with; the client has got 500 or a reset by then. What it throws
   * itself goes to `console.error`. Default: `console.error`.
   */
  readonly onError?: (error: unknown, request: ServerRequest) => void;
}

interface HostHeaders extends Iterable<[string, string]> {
  append(name: string, value: string): void;
}

interface Host {
  Headers: new () => HostHeaders;
  Request: new (
    url: string,
    init: {
      method: string;
      headers: HostHeaders;
      body: HostReadableStream | null;
      duplex: 'half';
      signal: unknown;
    },
  ) => HostRequest;
  console: { error(...what: unknown[]): void };
}

const host = globalThis as unknown as Host;

/**
 * Serves a transport, as `handshake` takes it, until it ends: every request is given to `handler`, side by side. The
 * connection that is returned is for shutting it down and looking at it; its requests are taken.
 */
export async function serve(
  transport: Transport,
  handler: FetchHandler,
  options: ServeOptions = {},
): Promise<ServerConnection> {
  const connection = await handshake(transport, options);
  const { onError = error => host.console.error(error) } = options;
  void takeRequests(connection, handler, onError);
  return connection;
}

type OnError = (error: unknown, request: ServerRequest) => void;

async function takeRequests(connection: ServerConnection, handler: FetchHandler, onError: OnError): Promise<void> {
  for await (const accepted of connection) void answer(accepted, handler, onError);
}

/** What a handler does beyond its response. Its functions may be taken off it. */
class Extras implements FetchContext {
  readonly request: ServerRequest;
  readonly informational: FetchContext['informational'];
  readonly trailers: FetchContext['trailers'];
  /** The trailers asked for. */
  fields: HeadersInput | (() => HeadersInput | Promise<HeadersInput>) | null = null;

  constructor({ request, respond }: Accepted) {
    this.request = request;
    this.informational = (status, headers) => respond.informational(status, headers);
    this.trailers = fields => {
      this.fields = fields;
    };
  }
}

async function answer(accepted: Accepted, handler: FetchHandler, onError: OnError): Promise<void> {
  const { respond } = accepted;
  // Reset before its turn came: there is no work, and on a stream that has ended none would be counted.
  if (respond.isReset) return;
  const incoming = toRequest(accepted);
  if (typeof incoming === 'number') {
    respond.send({ status: incoming }, { endStream: true });
    return;
  }
  const release = respond.hold();
  try {
    await run(accepted, incoming, handler, onError);
  } finally {
    release();
  }
}

/** Settles when nothing is done for the request any more. */
async function run(accepted: Accepted, incoming: HostRequest, handler: FetchHandler, onError: OnError): Promise<void> {
  const { request, respond } = accepted;
  const extras = new Extras(accepted);
  let begun = false;
  let body: ResponseLike['body'] = null;
  try {
    const response: ResponseLike = await handler(incoming, extras);
    if (response === undefined || response === null) throw new TypeError('the handler gave no Response');
    body = response.body;
    // Before the head, while there is still a status to say it with.
    if (body?.locked === true) throw new TypeError('the body of the response has been read, or is being read');
    // A body that is handed on as it is will be read after the head, which is too late for 100 (RFC 9110 10.1.1).
    if (body !== null && body === incoming.body && expectsContinue(request)) respond.informational(100);
    const { status, headers } = response;
    const head = { status, headers: normaliseHeaders(status === 204 ? withoutLength(headers) : headers) };
    const out = respond.send(head, { endStream: body === null && extras.fields === null });
    begun = true;
    if (extras.fields === null) {
      if (body !== null) await out.pipeFrom(body);
    } else {
      if (body !== null) await out.pipeFrom(body, { end: false });
      out.trailers(typeof extras.fields === 'function' ? await extras.fields() : extras.fields);
    }
    // Begun and let go: nobody will read the rest. What nobody has begun to read is stopped without being asked.
    if (incoming.bodyUsed && incoming.body?.locked === false) request.body.cancel();
  } catch (error) {
    if (respond.isReset && error instanceof H2Error) return;
    request.body.cancel();
    if (begun) respond.reset(ErrorCode.INTERNAL_ERROR, 'the handler failed');
    else respond.send({ status: 500 }, { endStream: true });
    if (body?.locked === false) body.getReader().cancel(error).catch(ignore);
    await tell(error, request, onError);
  }
}

const ignore = (): void => {};

/** Tells of a failure; a listener that fails for it must not take the program with it. */
async function tell(error: unknown, request: ServerRequest, onError: OnError): Promise<void> {
  try {
    // It may be an async function.
    await onError(error, request);
  } catch (failed) {
    host.console.error(error, failed);
  }
}

/** The request as the Fetch standard has it; a number: the status that answers one it cannot express. */
function toRequest({ request, respond }: Accepted): HostRequest | number {
  const { method, scheme, authority, path } = request;
  // The standard forbids these methods in a Request.
  if (method === 'CONNECT' || method === 'TRACE') return 501;
  // Without it the path would be read as one.
  if (authority === '') return 400;
  const bodyless = method === 'GET' || method === 'HEAD' || request.body.isEnded;
  try {
    const headers = new host.Headers();
    for (const [name, value] of request.headers) if (name !== 'cookie') headers.append(name, value);
    const cookie = request.headers.get('cookie');
    if (cookie !== null) headers.append('cookie', cookie);
    return new host.Request(`${scheme}://${authority}${path === '*' ? '/' : path}`, {
      method,
      headers,
      body: bodyless ? null : request.body.toReadableStream(),
      duplex: 'half',
      signal: respond.signal,
    });
  } catch {
    return 400;
  }
}

/* RFC 9110 8.6: 204 has no content-length, but what was made for HTTP/1.1 may say 0. */
function* withoutLength(headers: Iterable<[string, string]>): Iterable<[string, string]> {
  for (const line of headers) if (line[0].toLowerCase() !== 'content-length') yield line;
}

function expectsContinue({ headers }: ServerRequest): boolean {
  return headers.get('expect')?.toLowerCase() === '100-continue';
}
