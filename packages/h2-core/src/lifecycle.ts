import type { Core } from './core.ts';
import { checkErrorCode, ErrorCode, H2Error, type Initiator, UsageError } from './errors.ts';
import { octet } from './frame/bytes.ts';
import { Flag, FrameType, MAX_STREAM_ID } from './frame/types.ts';
import { CANCEL_PING } from './guard/cancelled-slots.ts';
import { NONE, UNSENT } from './moment.ts';
import { ConnectionError, RULES, type Rule } from './rules.ts';

const KEEPALIVE_PING = Uint8Array.of(0x67, 0x6c, 0x61, 0x73, 0x6b, 0x65, 0x65, 0x70);
const SHUTDOWN_PING = Uint8Array.of(0x67, 0x6c, 0x61, 0x73, 0x73, 0x74, 0x6f, 0x70);

/** Payloads whose answers the library takes for answers to its own. */
const OWN_PINGS: readonly Uint8Array[] = [KEEPALIVE_PING, SHUTDOWN_PING, CANCEL_PING];

/** How a connection is kept alive and how it ends: PINGs of our own, GOAWAY, the way down. RFC 9113 6.7, 6.8. */
export class Lifecycle {
  /** When the PING of graceful shutdown left, ms; UNSENT or NONE. */
  shutdownPingAt: number = NONE;
  /** When the keepalive PING left, ms; UNSENT or NONE. */
  keepaliveAt: number = NONE;
  /** PINGs the program has been told of and has not answered. */
  private unanswered = 0;
  private readonly core: Core;
  private readonly stopReading: () => void;

  /** `stopReading`: what comes is ignored from then on. */
  constructor(core: Core, stopReading: () => void) {
    this.core = core;
    this.stopReading = stopReading;
  }

  /** First step of a graceful shutdown; a client's only one. */
  shutdown(debug: string): void {
    const { core } = this;
    if (core.closed || core.goAwaySent <= MAX_STREAM_ID) return;
    if (core.isServer) {
      core.goAway(MAX_STREAM_ID, ErrorCode.NO_ERROR, debug);
      this.ping(SHUTDOWN_PING);
      this.shutdownPingAt = UNSENT;
    } else {
      core.goAway(core.registry.lastRemoteId, ErrorCode.NO_ERROR, debug);
      core.draining = true;
      // Requests that wait for a slot are not sent any more.
      try {
        if (core.onSlot !== null) core.onSlot();
      } finally {
        // Also when the handler throws as it hears of them: nothing else would end the connection.
        core.checkDrained();
      }
    }
  }

  /** Second step of a server's shutdown: the PING came back, or took too long. */
  finishShutdown(): void {
    const { core } = this;
    if (core.closed || this.shutdownPingAt === NONE) return;
    this.shutdownPingAt = NONE;
    core.goAway(core.registry.lastRemoteId, ErrorCode.NO_ERROR, '');
    core.draining = true;
    core.checkDrained();
  }

  /** Ends a connection that had no stream for too long. */
  closeIdle(): void {
    this.destroy(ErrorCode.NO_ERROR, 'idle.timeout', 'library');
  }

  /** Asks a silent peer for a sign of life. */
  sendKeepalive(): void {
    this.ping(KEEPALIVE_PING);
    this.keepaliveAt = UNSENT;
  }

  private ping(payload: Uint8Array): void {
    this.core.outbox.ping(payload, 0, false);
    if (this.core.tap !== null) this.core.tellFrame(FrameType.PING, 0, 0, 8, 0);
  }

  /** The peer's PING: answered at once, or by the program. */
  onPing(bytes: Uint8Array, start: number): void {
    const { core } = this;
    if (core.options.automaticPingAck) {
      this.ack(bytes, start);
      return;
    }
    if (++this.unanswered > core.options.maxQueuedReplies)
      throw new ConnectionError('flood.replies', 0, FrameType.PING);
    core.handler.onPing?.(bytes.slice(start, start + 8));
  }

  /** The program asks. */
  sendPing(payload: Uint8Array): void {
    checkPing(payload);
    for (const own of OWN_PINGS) {
      if (!same(payload, 0, own)) continue;
      throw new UsageError(
        'api.ping',
        "this PING payload is one of the library's own, whose answers are not told: take another",
      );
    }
    if (!this.core.closed) this.ping(payload);
  }

  /** The program answers one. */
  answerPing(payload: Uint8Array): void {
    checkPing(payload);
    if (this.core.closed) return;
    if (this.unanswered === 0) throw new UsageError('api.pong', 'there is no PING to answer');
    this.unanswered--;
    this.ack(payload, 0);
  }

  private ack(bytes: Uint8Array, start: number): void {
    this.core.outbox.ping(bytes, start, true);
    if (this.core.tap !== null) this.core.tellFrame(FrameType.PING, Flag.ACK, 0, 8, 0);
  }

  /** The answer to a PING of ours, or of the program's. */
  pong(bytes: Uint8Array, start: number): void {
    if (same(bytes, start, SHUTDOWN_PING)) this.finishShutdown();
    else if (same(bytes, start, KEEPALIVE_PING)) this.keepaliveAt = NONE;
    else if (!same(bytes, start, CANCEL_PING)) this.core.handler.onPong?.(bytes.slice(start, start + 8));
  }

  /** The transport delivers nothing more; `open` streams are cut off by it. */
  transportEnded(open: number): void {
    this.stopReading();
    this.core.end(open === 0 ? null : this.lost());
  }

  /** Why streams were cut off by the end of the transport: what GOAWAY said, when it said something. */
  private lost(): H2Error {
    const { goAwayCode } = this.core;
    if (goAwayCode === ErrorCode.NO_ERROR) {
      const rule = 'transport.closed';
      const { code, rfc, text } = RULES[rule];
      return new H2Error(text, { scope: 'connection', code, initiator: 'remote', rule, rfc });
    }
    return new H2Error('the peer ended the connection by GOAWAY with an error', {
      scope: 'connection',
      code: goAwayCode,
      initiator: 'remote',
      rule: 'goaway.error',
      rfc: '9113 6.8',
    });
  }

  /** Ends the connection at once. */
  destroy(code: number, debug: string, initiator: Initiator): void {
    checkErrorCode(code);
    const { core } = this;
    if (core.closed) return;
    const rule = initiator === 'library' ? debug : 'connection.destroyed';
    const known = (RULES as Readonly<Record<string, Rule | undefined>>)[rule];
    const message = known?.text ?? (debug === '' ? 'the connection was ended' : debug);
    if (known !== undefined && core.tap !== null) core.tap.onViolation(rule, known.rfc, 0, 0, message);
    core.goAway(core.registry.lastRemoteId, code, debug);
    this.stopReading();
    if (code === ErrorCode.NO_ERROR) {
      core.end(null);
      return;
    }
    core.end(new H2Error(message, { scope: 'connection', code, initiator, rule, rfc: known?.rfc ?? '' }));
  }
}

function checkPing(payload: Uint8Array): void {
  if (!(payload instanceof Uint8Array)) throw new UsageError('api.ping', 'a PING payload is a Uint8Array of 8 octets');
  if (payload.length !== 8) throw new UsageError('api.ping', `a PING payload is 8 octets, not ${payload.length}`);
}

function same(bytes: Uint8Array, start: number, expected: Uint8Array): boolean {
  for (let i = 0; i < expected.length; i++) if (octet(bytes, start + i) !== octet(expected, i)) return false;
  return true;
}
