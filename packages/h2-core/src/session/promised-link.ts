import type { Connection } from '../connection.ts';
import { ErrorCode, H2Error } from '../errors.ts';
import type { RequestHead } from '../handler.ts';
import type { Stream } from '../stream/stream.ts';
import { ClientLink } from './client-link.ts';

/**
 * What promises that the program has not taken may hold, over the whole connection. The limits of the core end with a
 * stream: a complete response leaves no stream, and its octets have gone back to the windows. Nobody asked for these.
 */
export class PushBudget {
  private promises = 0;
  private octets = 0;
  private readonly core: Connection;

  constructor(core: Connection) {
    this.core = core;
  }

  /** Takes in one more promise, unless as many wait as there may be reserved streams. */
  admit(): boolean {
    if (this.promises >= this.core.options.maxReservedStreams) return false;
    this.promises++;
    return true;
  }

  /** Takes in octets of a promise, unless all of them would be more than the connection's window lets come unread. */
  charge(octets: number): boolean {
    if (this.octets + octets > this.core.receiveTarget) return false;
    this.octets += octets;
    return true;
  }

  /** A promise was taken or given up, with the octets it held. */
  leave(octets: number): void {
    this.promises--;
    this.octets -= octets;
  }
}

/** A client's side of a promised stream (RFC 9113 8.4). */
export class PromisedLink extends ClientLink {
  /** What this promise counts towards until the program takes it. */
  private budget: PushBudget | null = null;
  /** Octets it has been charged for. */
  private charged = 0;

  constructor(core: Connection, stream: Stream, sendBufferSize: number, head: RequestHead) {
    super(core, stream, sendBufferSize, head);
    this.sendEnded = true;
    this.endSent = true;
  }

  /** Begins to wait for the program; false: too many wait, and this one was refused. */
  wait(budget: PushBudget): boolean {
    if (budget.admit()) {
      this.budget = budget;
      return true;
    }
    this.refusePush(ErrorCode.REFUSED_STREAM, 'push.too-many', 'too many promises wait to be taken');
    return false;
  }

  override onData(chunk: Uint8Array, end: boolean): void {
    const { budget } = this;
    if (budget !== null) {
      const { length } = chunk;
      if (!budget.charge(length)) {
        this.refusePush(
          ErrorCode.CANCEL,
          'push.untaken',
          'responses to promises that wait to be taken fill the window',
        );
        this.discard();
        return;
      }
      this.charged += length;
    }
    super.onData(chunk, end);
  }

  /** The program has it now, or it was given up: what it holds is the program's affair, under its stream's window. */
  leave(): void {
    this.budget?.leave(this.charged);
    this.budget = null;
  }

  private refusePush(code: number, rule: string, message: string): void {
    const { core, stream } = this;
    this.fail(
      new H2Error(message, { scope: 'stream', code, initiator: 'library', rule, rfc: '9113 8.4', streamId: stream.id }),
    );
    core.reset(stream, code, rule);
  }
}
