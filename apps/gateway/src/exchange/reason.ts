/**
 * Why the gateway answered, reset or gave up by itself. Every such event has one reason with a stable code, which the
 * access log, the inspector and (for responses the gateway makes) the body show.
 */
import { ErrorCode } from '@glassway/h2-core';

/** A stable code with what it means on each protocol. */
export interface Reason {
  /** Stable, machine readable: `backend_refused`. */
  readonly code: string;
  /** A sentence a person can act on. */
  readonly text: string;
  /** Status of the response the gateway makes when the response has not begun. */
  readonly status: number;
  /** Code of the RST_STREAM the gateway sends when it has. */
  readonly h2Code: number;
  /** True when the request certainly was not processed by the backend. */
  readonly retryable: boolean;
  /** RFC section of the rule broken, empty when none. */
  readonly rfc: string;
}

/** The stable codes. */
export type ReasonCode =
  | 'backend_refused'
  | 'backend_unreachable'
  | 'backend_connect_timeout'
  | 'backend_first_byte_timeout'
  | 'backend_idle_timeout'
  | 'backend_closed'
  | 'backend_reset'
  | 'backend_refused_stream'
  | 'backend_going_away'
  | 'backend_protocol_error'
  | 'backend_queue_full'
  | 'backend_queue_timeout'
  | 'backend_tls_failed'
  | 'client_reset'
  | 'client_closed'
  | 'client_protocol_error'
  | 'client_header_timeout'
  | 'client_body_timeout'
  | 'client_write_timeout'
  | 'request_rejected'
  | 'request_too_large'
  | 'misdirected_request'
  | 'loop_detected'
  | 'no_route'
  | 'connect_refused'
  | 'admin_target'
  | 'shutting_down'
  | 'upload_stopped'
  | 'internal_error';

/** Status of the response we make, and code of the RST_STREAM we send. */
const BY_CODE: Readonly<Record<ReasonCode, readonly [status: number, h2Code: number]>> = {
  backend_refused: [502, ErrorCode.INTERNAL_ERROR],
  backend_unreachable: [502, ErrorCode.INTERNAL_ERROR],
  backend_connect_timeout: [504, ErrorCode.INTERNAL_ERROR],
  backend_first_byte_timeout: [504, ErrorCode.INTERNAL_ERROR],
  backend_idle_timeout: [504, ErrorCode.INTERNAL_ERROR],
  backend_closed: [502, ErrorCode.INTERNAL_ERROR],
  backend_reset: [502, ErrorCode.INTERNAL_ERROR],
  backend_refused_stream: [503, ErrorCode.REFUSED_STREAM],
  backend_going_away: [503, ErrorCode.REFUSED_STREAM],
  backend_protocol_error: [502, ErrorCode.INTERNAL_ERROR],
  backend_queue_full: [503, ErrorCode.REFUSED_STREAM],
  backend_queue_timeout: [503, ErrorCode.REFUSED_STREAM],
  backend_tls_failed: [502, ErrorCode.INTERNAL_ERROR],
  client_reset: [499, ErrorCode.CANCEL],
  client_closed: [499, ErrorCode.CANCEL],
  client_protocol_error: [400, ErrorCode.PROTOCOL_ERROR],
  client_header_timeout: [408, ErrorCode.CANCEL],
  client_body_timeout: [408, ErrorCode.CANCEL],
  client_write_timeout: [499, ErrorCode.CANCEL],
  request_rejected: [400, ErrorCode.PROTOCOL_ERROR],
  request_too_large: [431, ErrorCode.PROTOCOL_ERROR],
  misdirected_request: [421, ErrorCode.REFUSED_STREAM],
  loop_detected: [508, ErrorCode.PROTOCOL_ERROR],
  no_route: [404, ErrorCode.REFUSED_STREAM],
  connect_refused: [501, ErrorCode.CONNECT_ERROR],
  admin_target: [502, ErrorCode.REFUSED_STREAM],
  shutting_down: [503, ErrorCode.REFUSED_STREAM],
  upload_stopped: [200, ErrorCode.NO_ERROR],
  internal_error: [500, ErrorCode.INTERNAL_ERROR],
};

/** All codes with their status and error code, for documentation and metrics. */
export const REASON_CODES: readonly ReasonCode[] = Object.keys(BY_CODE) as ReasonCode[];

/** Makes a reason. `h2Code` overrides the default error code, as when a peer's code is passed on. */
export function reason(
  code: ReasonCode,
  text: string,
  more: { readonly retryable?: boolean; readonly rfc?: string; readonly h2Code?: number } = {},
): Reason {
  const [status, h2Code] = BY_CODE[code];
  return { code, text, status, h2Code: more.h2Code ?? h2Code, retryable: more.retryable ?? false, rfc: more.rfc ?? '' };
}
