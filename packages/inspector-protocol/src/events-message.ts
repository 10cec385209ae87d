/**
 * The EVENTS message. After the header of `binary.ts`
 *
 *     24  octets of the texts u32, u32 0
 *     32  events, 40 octets each:
 *          0 t f64   8 seq f64   16 code u32   20 connection u32   24 stream u32   28 a u32   32 b u32   36 u32 0
 *      .  texts as UTF-8, one after the other
 *
 * Three kinds of event come with every request and are numbers alone. Any other (code 0) is rare: its text is `a` octets
 * of JSON, a `LogEvent` as it is.
 */
import { BINARY_HEADER_BYTES, BinaryKind, readHeaderOf, writeBinaryHeader } from './binary.ts';
import type { LogEvent } from './events.ts';
import { ITEM_BYTES, ITEM_WORDS, ItemBuffer } from './item-buffer.ts';
import type { Events } from './messages.ts';
import type { Blocked } from './rows.ts';
import { fromUtf8, utf8Length, writeUtf8 } from './utf8.ts';

/** Codes of events. */
export const EventCode = {
  /** Any, as JSON. */
  TEXT: 0,
  /** `stream-state`: a from, b to. */
  STREAM_STATE: 1,
  /** `paired`: a backend connection, b backend stream. */
  PAIRED: 2,
  /** `send-blocked`: a cause, b pending octets. */
  SEND_BLOCKED: 3,
} as const;

const RECORDS_AT: number = BINARY_HEADER_BYTES + 8;

/** Encodes EVENTS messages, one after the other; what it needs for that it keeps. */
export class EventsEncoder {
  readonly #records = new ItemBuffer();
  readonly #texts: string[] = [];
  #octets = 0;

  /** Events so far. */
  get count(): number {
    return this.#records.count;
  }

  /** Octets that the message would have now. */
  get bytes(): number {
    return RECORDS_AT + this.count * ITEM_BYTES + ((this.#octets + 7) & ~7);
  }

  /** Adds an event. */
  add(event: LogEvent): void {
    const { t, seq, connection } = event;
    switch (event.kind) {
      case 'stream-state':
        this.addNumbers(EventCode.STREAM_STATE, t, seq, connection, event.stream, event.from, event.to);
        return;
      case 'paired': {
        const { stream, backendConnection, backendStream } = event;
        this.addNumbers(EventCode.PAIRED, t, seq, connection, stream, backendConnection, backendStream);
        return;
      }
      case 'send-blocked':
        this.addNumbers(EventCode.SEND_BLOCKED, t, seq, connection, event.stream, event.cause, event.pendingBytes);
        return;
      default: {
        const text = JSON.stringify(event);
        const octets = utf8Length(text);
        this.#texts.push(text);
        this.#octets += octets;
        this.addNumbers(EventCode.TEXT, t, seq, connection, 0, octets, 0);
      }
    }
  }

  /** Adds an event of a code other than TEXT. */
  addNumbers(code: number, t: number, seq: number, connection: number, stream: number, a: number, b: number): void {
    const word = this.#records.next();
    const { f64, u32 } = this.#records;
    f64[word >> 1] = t;
    f64[(word >> 1) + 1] = seq;
    u32[word + 4] = code;
    u32[word + 5] = connection;
    u32[word + 6] = stream;
    u32[word + 7] = a;
    u32[word + 8] = b;
    u32[word + 9] = 0;
  }

  /** The message, which speaks for the positions from `from` to before `to`; the encoder is empty again. */
  finish(from: number, to: number): Uint8Array<ArrayBuffer> {
    const message = new Uint8Array(this.bytes);
    writeBinaryHeader(message, BinaryKind.EVENTS, this.count, from, to);
    const words = new Uint32Array(message.buffer, 0, message.length >> 2);
    words[BINARY_HEADER_BYTES / 4] = this.#octets;
    words.set(this.#records.words, RECORDS_AT / 4);
    let at = RECORDS_AT + this.count * ITEM_BYTES;
    for (const text of this.#texts) at = writeUtf8(text, message, at);
    this.#records.count = 0;
    this.#texts.length = 0;
    this.#octets = 0;
    return message;
  }
}

/** Reads an EVENTS message. Throws `Error` when it is not a whole one of this version. */
export function readEvents(buffer: ArrayBuffer): Events {
  const { count, from, to } = readHeaderOf(buffer, BinaryKind.EVENTS, 'EVENTS', RECORDS_AT, ITEM_BYTES);
  const words = new Uint32Array(buffer, 0, buffer.byteLength >> 2);
  const f64 = new Float64Array(buffer, 0, buffer.byteLength >> 3);
  const bytes = new Uint8Array(buffer);
  const events: LogEvent[] = new Array(count);
  let text = RECORDS_AT + count * ITEM_BYTES;
  for (let i = 0, word = RECORDS_AT / 4; i < count; i++, word += ITEM_WORDS) {
    const a = words[word + 7]!;
    if (words[word + 4] === EventCode.TEXT) {
      if (text + a > bytes.length) throw new Error('EVENTS message is cut off in its texts');
      events[i] = JSON.parse(fromUtf8(bytes.subarray(text, text + a))) as LogEvent;
      text += a;
    } else {
      events[i] = numericEvent(
        words[word + 4]!,
        f64[word >> 1]!,
        f64[(word >> 1) + 1]!,
        words[word + 5]!,
        words[word + 6]!,
        a,
        words[word + 8]!,
      );
    }
  }
  return { type: 'events', from, to, events };
}

/** The event that these numbers stand for. Throws `Error` for a code that is not known. */
function numericEvent(
  code: number,
  t: number,
  seq: number,
  connection: number,
  stream: number,
  a: number,
  b: number,
): LogEvent {
  switch (code) {
    case EventCode.STREAM_STATE:
      return { kind: 'stream-state', t, seq, connection, stream, from: a, to: b };
    case EventCode.PAIRED:
      return { kind: 'paired', t, seq, connection, stream, backendConnection: a, backendStream: b };
    case EventCode.SEND_BLOCKED:
      return { kind: 'send-blocked', t, seq, connection, stream, cause: a as Blocked, pendingBytes: b };
    default:
      throw new Error(`unknown event code ${code}`);
  }
}
