/**
 * The errors of the core. Peer misbehaviour is an `H2Error` with a scope (connection or stream); a mistake of the
 * calling program is a `UsageError`, which never becomes a frame on the wire.
 */

import { shown, shownOption } from './shown.ts';

/** RFC 9113 7: the 32-bit codes carried by RST_STREAM and GOAWAY. */
export const ErrorCode = {
  NO_ERROR: 0x0,
  PROTOCOL_ERROR: 0x1,
  INTERNAL_ERROR: 0x2,
  FLOW_CONTROL_ERROR: 0x3,
  SETTINGS_TIMEOUT: 0x4,
  STREAM_CLOSED: 0x5,
  FRAME_SIZE_ERROR: 0x6,
  REFUSED_STREAM: 0x7,
  CANCEL: 0x8,
  COMPRESSION_ERROR: 0x9,
  CONNECT_ERROR: 0xa,
  ENHANCE_YOUR_CALM: 0xb,
  INADEQUATE_SECURITY: 0xc,
  HTTP_1_1_REQUIRED: 0xd,
} as const;

/** One of the codes of RFC 9113 7. A code received from a peer may be any 32-bit number. */
export type ErrorCode = (typeof ErrorCode)[keyof typeof ErrorCode];

const NAMES: readonly string[] = Object.keys(ErrorCode);

/** The RFC's name of an error code, `UNKNOWN(0x..)` for a code the RFC does not define. */
export function errorCodeName(code: number): string {
  return NAMES[code] ?? `UNKNOWN(0x${code.toString(16)})`;
}

/** Who ended it: the program that uses the core, the core itself, or the peer. */
export type Initiator = 'user' | 'library' | 'remote';

/** What an error ends: the whole connection (RFC 9113 5.4.1) or one stream (5.4.2). */
export type ErrorScope = 'connection' | 'stream';

/** What `H2Error` is made from. */
export interface H2ErrorInit {
  readonly scope: ErrorScope;
  /** Error code as on the wire. */
  readonly code: number;
  readonly initiator: Initiator;
  /** Stable id of the rule that was broken, such as `settings.frame-size`; empty when the peer gave only a code. */
  readonly rule: string;
  /** The RFC section of the rule, such as `9113 6.5`. */
  readonly rfc?: string;
  /** The stream concerned, 0 for the connection. */
  readonly streamId?: number;
  /** True when the request was certainly not processed and may be sent again (RFC 9113 8.7). */
  readonly retryable?: boolean;
}

/** What V8 has beyond the standard; elsewhere the property means nothing. */
const Host = Error as { stackTraceLimit?: number | undefined };

/**
 * A connection or stream ended by an error. `message` is a sentence a person can act on. There is no stack trace: errors are
 * made where octets arrive, so that it would show nothing but this library, and a trace that nobody reads keeps all that
 * stood on the stack from being collected, the socket included.
 */
export class H2Error extends Error {
  override readonly name: string = 'H2Error';
  /** What it ends: the connection (RFC 9113 5.4.1) or one stream (5.4.2). */
  readonly scope: ErrorScope;
  /** Error code as on the wire, see `ErrorCode`. */
  readonly code: number;
  /** Who ended it: this program, this library or the peer. */
  readonly initiator: Initiator;
  /** Stable id of the rule that was broken; empty when unknown. */
  readonly rule: string;
  /** RFC section of the rule, empty when unknown. */
  readonly rfc: string;
  /** The stream concerned, 0 for the connection. */
  readonly streamId: number;
  /** True when the request was certainly not processed and may be sent again. */
  readonly retryable: boolean;

  constructor(message: string, init: H2ErrorInit) {
    const limit = Object.getOwnPropertyDescriptor(Error, 'stackTraceLimit');
    // Elsewhere than in V8 there is none to set; where the host has frozen what JavaScript comes with, it may not be set.
    const isOurs = limit?.writable === true && typeof limit.value === 'number';
    // V8 keeps the receivers of all frames until somebody asks for the text.
    if (isOurs) Host.stackTraceLimit = 0;
    super(message);
    if (isOurs) Host.stackTraceLimit = limit.value;
    this.scope = init.scope;
    this.code = init.code;
    this.initiator = init.initiator;
    this.rule = init.rule;
    this.rfc = init.rfc ?? '';
    this.streamId = init.streamId ?? 0;
    this.retryable = init.retryable ?? false;
  }

  /** The code's name in the RFC. */
  get codeName(): string {
    return errorCodeName(this.code);
  }
}

/** A mistake of the calling program: nothing was sent and no state changed. */
export class UsageError extends Error {
  override readonly name: string = 'UsageError';
  /** Stable id of the mistake, such as `api.write-after-end`. */
  readonly rule: string;

  constructor(rule: string, message: string) {
    super(message);
    this.rule = rule;
  }
}

/** RFC 9113 7: error codes have 32 bits. Throws a `UsageError` for what is none. */
export function checkErrorCode(code: number): void {
  if (Number.isInteger(code) && code >= 0 && code <= 0xffff_ffff) return;
  throw new UsageError('api.code', `error code ${shown(code)} is not an integer from 0 to 2^32-1`);
}

/** A bad value among the options of a connection. */
export class OptionError extends UsageError {
  override readonly name: string = 'OptionError';
  /** Name of the option. */
  readonly option: string;
  /** The value given. */
  readonly value: unknown;
  /** What it may be, as the end of a sentence: `an integer from 0 to 2147483647`. */
  readonly range: string;

  constructor(option: string, value: unknown, range: string) {
    super('api.option', `option ${option} is ${shownOption(value)}; it must be ${range}`);
    this.option = option;
    this.value = value;
    this.range = range;
  }
}
