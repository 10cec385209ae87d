import type { Core } from './core.ts';
import { checkErrorCode, ErrorCode, H2Error } from './errors.ts';
import { MAX_STREAM_ID } from './frame/types.ts';
import type { FieldList, RequestHead } from './handler.ts';
import { checkFields } from './message/check-fields.ts';
import { isAuthority, isScheme, isToken } from './message/field-class.ts';
import { HeadWriter } from './message/head-writer.ts';
import { isPseudoOrder, PSEUDO_ORDER_RANGE } from './message/pseudo-order.ts';
import { sameAuthority } from './message/section.ts';
import { MAX_QUEUED_REQUESTS } from './options/limits.ts';
import { shown } from './shown.ts';
import { StreamEvent, transition } from './stream/state.ts';
import { StreamRecord, StreamState } from './stream/stream.ts';

/** Bodies up to this many octets skip the send queue when nothing waits. */
const DIRECT_LIMIT = 4096;
/** ... as long as the batch holds no more than this, so that a full socket still stops the scheduler. */
const DIRECT_BATCH_LIMIT = 65_536;

interface QueuedRequest {
  readonly stream: StreamRecord;
  readonly head: RequestHead;
  readonly endStream: boolean;
}

/** Those of servers, which request nothing. */
const NO_REQUESTS: QueuedRequest[] = Object.freeze<QueuedRequest[]>([]) as QueuedRequest[];
const NO_STREAMS: StreamRecord[] = Object.freeze<StreamRecord[]>([]) as StreamRecord[];

/** The commands: what the program makes the connection send. Misuse throws before anything has changed. */
export class Outbound {
  private readonly core: Core;
  private readonly heads: HeadWriter;
  private readonly queue: QueuedRequest[];
  /** Requests that are being given up, while the handler hears of it. */
  private readonly leaving: StreamRecord[];

  constructor(core: Core) {
    this.core = core;
    this.heads = new HeadWriter(core);
    core.outbound = this;
    this.queue = core.isServer ? NO_REQUESTS : [];
    this.leaving = core.isServer ? NO_STREAMS : [];
    if (core.isServer) return;
    core.onSlot = () => this.openQueued();
    core.onEnd = error => this.end(error);
  }

  /** The connection is over: what was kept for the next head is let go. */
  free(): void {
    this.heads.free();
  }

  /** Requests waiting for the peer's stream limit. */
  get queuedRequests(): number {
    return this.queue.length;
  }

  /** A request would open its stream now. RFC 9113 5.1.2. */
  get canOpen(): boolean {
    return this.usable && this.queue.length === 0 && this.hasSlot;
  }

  private get usable(): boolean {
    const { core } = this;
    return !core.isServer && !core.closed && !core.draining && core.registry.nextLocalId <= MAX_STREAM_ID;
  }

  private get hasSlot(): boolean {
    const { registry, remote } = this.core;
    return registry.localCount + this.core.cancelled.held < remote.maxConcurrentStreams;
  }

  // Heads -----------------------------------------------------------------------------------------------------------------

  respond(
    stream: StreamRecord,
    status: number,
    fields: FieldList,
    endStream: boolean,
    sensitive: readonly number[] | null,
  ): void {
    const { core } = this;
    if (!core.isServer) core.misuse('api.respond', 'a client does not respond');
    if (!Number.isInteger(status) || status < 200 || status > 999) {
      core.misuse('api.status', `status ${shown(status)} of a final response is not within 200 and 999`);
    }
    if (stream.headSent) core.misuse('api.response-twice', `stream ${stream.id} has its response head already`);
    const known = sensitive === null ? this.heads.recall(status, fields) : null;
    const length = known === null ? checkFields(fields) : known.contentLength;
    // RFC 9110 6.4.1: what content-length says of these is not about octets that follow.
    const hasContent = !stream.isHead && status !== 204 && status !== 304 && !(stream.isConnect && status < 300);
    if (hasContent) checkEmpty(core, length, endStream);
    if (status === 204) checkNoLength(core, status, length);
    if (core.closed || stream.state === StreamState.CLOSED) return;
    stream.headSent = true;
    stream.declaredBytes = hasContent ? length : -1;
    // A refusal is a response like any other, no tunnel.
    if (status >= 300) stream.isConnect = false;
    if (sensitive === null) this.heads.final(stream, status, fields, length, known, endStream);
    else this.heads.response(stream, status, fields, sensitive, endStream);
    core.move(stream, endStream ? StreamEvent.SEND_HEADERS_END : StreamEvent.SEND_HEADERS);
    if (endStream) core.settle(stream);
  }

  inform(stream: StreamRecord, status: number, fields: FieldList, sensitive: readonly number[] | null): void {
    const { core } = this;
    if (!core.isServer) core.misuse('api.respond', 'a client does not respond');
    if (!Number.isInteger(status) || status < 100 || status > 199 || status === 101) {
      core.misuse('api.status', `status ${shown(status)} is not an informational one (100, 102..199)`);
    }
    if (stream.headSent) core.misuse('api.inform-late', 'an informational response goes before the final one');
    checkNoLength(core, status, checkFields(fields));
    if (core.closed || stream.state === StreamState.CLOSED) return;
    this.heads.response(stream, status, fields, sensitive, false);
    core.move(stream, StreamEvent.SEND_HEADERS);
  }

  /** What keeps a promise from being made now on this stream: the rule and why; null: nothing. */
  barToPush(parent: StreamRecord): readonly [rule: string, why: string] | null {
    const { core } = this;
    if (!core.isServer) return ['api.push', 'only a server pushes'];
    if (!core.remote.enablePush) return ['api.push-disabled', 'the client does not accept pushes'];
    // RFC 9113 6.6: only on a stream of the client.
    if (parent.local || (parent.state !== StreamState.OPEN && parent.state !== StreamState.HALF_CLOSED_REMOTE)) {
      return ['api.push', `stream ${parent.id} cannot carry a promise any more`];
    }
    if (core.draining || core.registry.nextLocalId > MAX_STREAM_ID)
      return ['api.going-away', 'the connection is ending'];
    // RFC 9113 5.1.2: reserved streams do not count yet, but each will once its response begins: all that are ours do here.
    const { live, remoteCount } = core.registry;
    if (live.size - remoteCount >= core.remote.maxConcurrentStreams)
      return ['api.push-limit', 'the client accepts no more pushed streams at once'];
    return null;
  }

  push(parent: StreamRecord, head: RequestHead): StreamRecord {
    const { core } = this;
    const bar = this.barToPush(parent);
    if (bar !== null) core.misuse(...bar);
    checkHead(core, head);
    // RFC 9113 8.4: safe, cacheable, without content.
    if (head.method !== 'GET' && head.method !== 'HEAD') core.misuse('api.push-method', `${head.method} is not pushed`);
    if (head.authority === '') core.misuse('api.authority', 'a promised request names its authority');
    const id = core.registry.nextLocalId;
    core.registry.nextLocalId += 2;
    const promised = new StreamRecord(id, true, core.remote.initialWindowSize, core.local.initialWindowSize);
    promised.isHead = head.method === 'HEAD';
    this.heads.promise(parent, id, head);
    core.open(promised, StreamState.RESERVED_LOCAL);
    return promised;
  }

  request(head: RequestHead, endStream: boolean, context: unknown): StreamRecord {
    const { core } = this;
    if (core.isServer) core.misuse('api.request', 'a server makes no requests');
    if (!this.usable) core.misuse('api.going-away', 'the connection takes no more requests');
    const length = checkHead(core, head);
    // RFC 9110 9.3.6: CONNECT has no content that a length could be about.
    if (head.method !== 'CONNECT') checkEmpty(core, length, endStream);
    const stream = new StreamRecord(0, true, core.remote.initialWindowSize, core.local.initialWindowSize);
    stream.context = context;
    stream.isHead = head.method === 'HEAD';
    stream.isConnect = head.method === 'CONNECT';
    stream.headSent = true;
    stream.declaredBytes = stream.isConnect ? -1 : length;
    if (this.queue.length === 0 && this.hasSlot) {
      this.openRequest({ stream, head, endStream });
    } else {
      if (this.queue.length >= MAX_QUEUED_REQUESTS) core.misuse('api.queue-full', 'too many requests are waiting');
      // So that nothing can be written behind its end; it goes with HEADERS, not by itself.
      stream.endQueued = endStream;
      this.queue.push({ stream, head: { ...head, fields: head.fields.slice() }, endStream });
    }
    return stream;
  }

  private openRequest(request: QueuedRequest): void {
    const { core } = this;
    const { stream, head, endStream } = request;
    stream.id = core.registry.nextLocalId;
    stream.openedAt = core.cancelled.chunks;
    core.registry.nextLocalId += 2;
    stream.sendWindow = core.remote.initialWindowSize;
    stream.receiveWindow = core.local.initialWindowSize;
    this.heads.request(stream, head, endStream);
    // Not before: where the head cannot be written the connection ends, and those in line are told.
    if (this.queue[0] === request) this.queue.shift();
    if (endStream) stream.endQueued = false;
    core.open(stream, endStream ? StreamState.HALF_CLOSED_LOCAL : StreamState.OPEN);
    try {
      core.sender.schedule(stream);
    } catch (error) {
      // A padding strategy that throws at the bare END_STREAM: nobody would send that again.
      if (stream.state === StreamState.OPEN) core.failInside();
      throw error;
    }
  }

  /** Opens waiting requests while there are slots; gives them up when the connection takes no more. */
  private openQueued(): void {
    const { core } = this;
    while (this.queue.length !== 0 && this.usable && this.hasSlot) {
      this.openRequest(this.queue[0] as QueuedRequest);
    }
    if (this.queue.length !== 0 && !this.usable) this.dropQueued(core.error);
  }

  /** The connection ends: nobody is told of anything after that. */
  private end(error: H2Error | null): void {
    try {
      this.dropQueued(error);
    } finally {
      for (const stream of this.leaving.slice()) this.left(stream);
    }
  }

  /**
   * Ends all waiting requests: nothing of them was sent, so all may be sent elsewhere. A handler that throws when it hears of
   * one leaves the others their end; its error is thrown when all have had it.
   */
  dropQueued(cause: H2Error | null): void {
    const thrown: unknown[] = [];
    // One by one: the handler may end the connection, and with it all the others, when it hears of one.
    for (let first = this.queue[0]; first !== undefined; first = this.queue[0]) {
      const error = new H2Error('the connection ended before the request was sent', {
        scope: 'stream',
        code: cause?.code ?? ErrorCode.REFUSED_STREAM,
        initiator: cause?.initiator ?? 'library',
        rule: 'request.unsent',
        retryable: true,
      });
      try {
        this.giveUp(first.stream, error);
      } catch (cause) {
        thrown.push(cause);
      }
    }
    if (thrown.length !== 0) throw thrown[0];
  }

  /** Ends a request that has not left; `error` null: the program itself asked for it. */
  private giveUp(stream: StreamRecord, error: H2Error | null): void {
    const at = this.queue.findIndex(entry => entry.stream === stream);
    if (at >= 0) this.queue.splice(at, 1);
    stream.state = StreamState.CLOSED;
    this.core.sender.drop(stream);
    this.leaving.push(stream);
    try {
      if (error !== null) this.core.handler.onReset?.(stream, error);
    } finally {
      this.left(stream);
    }
  }

  /** The last that the handler hears of a request that has not left, unless the end of the connection has told it. */
  private left(stream: StreamRecord): void {
    const at = this.leaving.indexOf(stream);
    if (at < 0) return;
    this.leaving.splice(at, 1);
    this.core.handler.onStreamClosed?.(stream);
  }

  // Bodies ----------------------------------------------------------------------------------------------------------------

  write(stream: StreamRecord, chunk: Uint8Array, endStream: boolean): boolean {
    const { core } = this;
    if (core.closed || stream.state === StreamState.CLOSED) return true;
    this.checkWritable(stream);
    const size = chunk.length;
    if (stream.declaredBytes >= 0) this.checkLength(stream, size, endStream);
    const direct =
      size <= DIRECT_LIMIT && core.outbox.size < DIRECT_BATCH_LIMIT && !stream.hasPending && stream.id !== 0;
    const gone = direct && (size !== 0 || endStream) && core.sender.cutNow(stream, chunk, endStream);
    // Not before: a padding strategy that throws leaves everything as it was.
    if (stream.declaredBytes >= 0) stream.writtenBytes += size;
    if (gone) return true;
    if (size !== 0) core.sender.enqueue(stream, chunk);
    if (endStream) stream.endQueued = true;
    if (stream.id !== 0) core.sender.schedule(stream);
    if (!core.sender.isFull(stream)) return true;
    stream.wantsWritable = !endStream;
    return false;
  }

  private checkWritable(stream: StreamRecord): void {
    const { core } = this;
    const ended = stream.endQueued || stream.trailers !== null;
    // A request that still waits for a slot is idle and may be written to.
    const allowed = stream.id === 0 || transition(stream.state, StreamEvent.SEND_DATA) >= 0;
    if (ended || !allowed) core.misuse('api.write-after-end', `our half of stream ${stream.id} has ended`);
    if (!stream.headSent) core.misuse('api.write-before-head', `stream ${stream.id} has no response head yet`);
  }

  /**
   * Holds a body to the content-length of its head. Octets too many are refused; an end too early cannot be mended, because
   * what was announced has left: the stream is reset, so that the peer does not take a part for the whole (RFC 9113 8.1.1).
   */
  private checkLength(stream: StreamRecord, size: number, endStream: boolean): void {
    const { declaredBytes } = stream;
    const written = stream.writtenBytes + size;
    if (written > declaredBytes || (endStream && written < declaredBytes)) this.refuseLength(stream, written);
  }

  /** Apart from the check, which every write of a body passes. */
  private refuseLength(stream: StreamRecord, written: number): never {
    const { core } = this;
    const { declaredBytes } = stream;
    const said = `${written} octets of body on stream ${stream.id}, whose content-length is ${declaredBytes}`;
    if (written < declaredBytes) {
      const error = new H2Error(said, {
        scope: 'stream',
        code: ErrorCode.INTERNAL_ERROR,
        initiator: 'user',
        rule: 'content-length.unmet',
        rfc: '9113 8.1.1',
        streamId: stream.id,
      });
      if (stream.id === 0) this.giveUp(stream, error);
      else core.reset(stream, error.code, 'user', error, error.rule);
      core.misuse('api.content-length', `${said}: the stream was reset`);
    }
    return core.misuse('api.content-length', said);
  }

  trailers(stream: StreamRecord, fields: FieldList, sensitive: readonly number[] | null): void {
    const { core } = this;
    checkFields(fields);
    if (core.closed || stream.state === StreamState.CLOSED) return;
    this.checkWritable(stream);
    if (stream.isConnect) core.misuse('api.trailers', 'a tunnel has no trailers (RFC 9113 8.5)');
    if (stream.declaredBytes >= 0) this.checkLength(stream, 0, true);
    // Theirs to change while these wait for the body to leave.
    stream.trailers = fields.slice();
    stream.trailersSensitive = sensitive === null ? null : sensitive.slice();
    stream.wantsWritable = false;
    if (stream.id !== 0) core.sender.schedule(stream);
  }

  /** Writes the trailers of a stream whose body has left. */
  flushTrailers(stream: StreamRecord): void {
    const fields = stream.trailers as FieldList;
    stream.trailers = null;
    this.heads.trailers(stream, fields, stream.trailersSensitive);
    this.core.onEndSent(stream);
  }

  // Endings and windows -----------------------------------------------------------------------------------------------------

  reset(stream: StreamRecord, code: number, reason: string): void {
    const { core } = this;
    checkErrorCode(code);
    if (core.closed || stream.state === StreamState.CLOSED) return;
    if (stream.id === 0) {
      this.giveUp(stream, null);
      return;
    }
    const ask = stream.local && !core.isServer && core.cancelled.keep(stream);
    try {
      core.reset(stream, code, 'user', null, reason);
    } finally {
      // Also when the handler throws as it hears of the end: the place that is kept would never be given back.
      if (ask) core.cancelled.ping();
    }
  }

  release(stream: StreamRecord, bytes: number): void {
    const { core } = this;
    if (!Number.isInteger(bytes) || bytes < 0) core.misuse('api.release', `cannot release ${shown(bytes)} octets`);
    if (bytes === 0 || core.closed || stream.unreleasedBytes === 0) return;
    if (bytes > stream.unreleasedBytes) {
      core.misuse(
        'api.over-release',
        `${bytes} octets released, ${stream.unreleasedBytes} held on stream ${stream.id}`,
      );
    }
    core.guard.released(stream, bytes, stream.unreleasedBytes);
    core.receiver.releaseStream(stream, bytes);
  }
}

/** RFC 9110 8.6: 204 and 1xx say nothing of a length. */
function checkNoLength(core: Core, status: number, length: number): void {
  if (length >= 0) core.misuse('api.content-length', `a response with status ${status} has no content-length`);
}

/** Refuses a head that announces a body and ends its message. RFC 9113 8.1.1. */
function checkEmpty(core: Core, length: number, endStream: boolean): void {
  if (endStream && length > 0) core.misuse('api.content-length', `content-length ${length} of a message without body`);
}

/** Checks a request a program wants to send, or has sent by HTTP/1.1; returns its content-length, -1: none. RFC 9113 8.3.1, 8.5. */
export function checkHead(core: Core, head: RequestHead): number {
  const { method, scheme, path, authority, protocol } = head;
  if (typeof method !== 'string' || typeof scheme !== 'string' || typeof path !== 'string')
    core.misuse('api.head', 'method, scheme and path of a request are strings');
  if (typeof authority !== 'string' || typeof protocol !== 'string')
    core.misuse('api.head', 'authority and protocol of a request are strings');
  if (!isToken(method)) core.misuse('api.method', `method ${JSON.stringify(method)} is not a token`);
  const tunnel = method === 'CONNECT' && protocol === '';
  if (tunnel !== (scheme === '' && path === '')) {
    core.misuse('api.request-target', tunnel ? 'CONNECT has no scheme and no path' : 'a request needs scheme and path');
  }
  // RFC 9113 8.3.1: `*` is for OPTIONS, everything else begins with a slash.
  if (!tunnel && (scheme === '' || (path === '*' ? method !== 'OPTIONS' : path.charCodeAt(0) !== 0x2f))) {
    core.misuse(
      'api.request-target',
      `a request needs a scheme and a path, not ${JSON.stringify(`${scheme}:${path}`)}`,
    );
  }
  if (scheme !== '' && !isScheme(scheme)) core.misuse('api.scheme', `bad scheme ${JSON.stringify(scheme)}`);
  if (protocol !== '' && !isToken(protocol)) {
    core.misuse('api.protocol', `protocol ${JSON.stringify(protocol)} is not a token`);
  }
  if (authority !== '' && !isAuthority(authority))
    core.misuse('api.authority', `bad authority ${JSON.stringify(authority)}`);
  if (tunnel && authority === '') core.misuse('api.authority', 'CONNECT needs an authority');
  if (protocol !== '' && (method !== 'CONNECT' || !core.remote.enableConnectProtocol)) {
    core.misuse('api.protocol', 'extended CONNECT needs method CONNECT and the peer to offer it (RFC 8441)');
  }
  for (let i = 0; i < path.length; i++) {
    const code = path.charCodeAt(i);
    if (code <= 0x20 || code >= 0x7f || code === 0x23) core.misuse('api.path', `bad path ${JSON.stringify(path)}`);
  }
  if (head.pseudoOrder !== undefined && !isPseudoOrder(head.pseudoOrder)) {
    core.misuse('api.pseudo-order', `the order of pseudo-fields is ${PSEUDO_ORDER_RANGE}`);
  }
  const { fields } = head;
  // RFC 9113 8.3.1: "Clients MUST NOT generate a request with a Host header field that differs".
  let named = authority !== '';
  for (let i = 0; i < fields.length; i += 2) {
    if (fields[i] === 'host' && fields[i + 1] !== '') named = true;
    if (fields[i] === 'host' && authority !== '' && !sameAuthority(fields[i + 1] as string, authority, scheme)) {
      core.misuse(
        'api.authority',
        `host ${JSON.stringify(fields[i + 1])} is not the authority ${JSON.stringify(authority)}`,
      );
    }
  }
  if (!named && (scheme === 'http' || scheme === 'https')) {
    core.misuse('api.authority', `a request with scheme ${scheme} names its authority, or has a Host field`);
  }
  return checkFields(fields);
}
