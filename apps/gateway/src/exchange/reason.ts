/**
 * Why the gateway answered, reset or gave up by itself. Every such event has one reason with a stable code, which the
 * access log, the metrics, the inspector and the response show. docs/reasons.md is written from the table below.
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
  /**
   * Stable id of the rule: one of the core (`settings.length`, see docs/errors.md) or of the gateway (`http1.host`). Where
   * a code stands for one rule, it is the code's own (`no-route`).
   */
  readonly rule: string;
  /** RFC section of the rule, empty when none: `9113 8.1`. */
  readonly rfc: string;
}

/** The stable codes. */
export type ReasonCode =
  | 'backend_refused'
  | 'backend_unreachable'
  | 'backend_connect_timeout'
  | 'backend_first_byte_timeout'
  | 'backend_idle_timeout'
  | 'backend_progress_timeout'
  | 'backend_total_timeout'
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
  | 'client_over_limit'
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
  | 'overloaded'
  | 'shutting_down'
  | 'connection_retired'
  | 'upload_stopped';

/** What is the same in all reasons of a code. */
export interface ReasonKind {
  /** Status of the response the gateway makes. */
  readonly status: number;
  /** Code of the RST_STREAM it sends. */
  readonly h2Code: number;
  /** RFC section, where the reason itself names none more exact; empty: no rule of HTTP is concerned. */
  readonly rfc: string;
  /** What happened, for the documentation. */
  readonly means: string;
  /** What the operator can do about it, for the documentation. */
  readonly action: string;
}

const { INTERNAL_ERROR, REFUSED_STREAM, CANCEL, PROTOCOL_ERROR, CONNECT_ERROR, ENHANCE_YOUR_CALM, NO_ERROR } =
  ErrorCode;

function kind(status: number, h2Code: number, rfc: string, means: string, action: string): ReasonKind {
  return { status, h2Code, rfc, means, action };
}

/** All codes with what they mean, for documentation and metrics. */
export const REASONS: Readonly<Record<ReasonCode, ReasonKind>> = {
  backend_refused: kind(
    502,
    INTERNAL_ERROR,
    '9110 15.6.3',
    'nothing listens at the address of the backend',
    'start the application, or correct the address',
  ),
  backend_unreachable: kind(
    502,
    INTERNAL_ERROR,
    '9110 15.6.3',
    'the name of the backend does not resolve, or there is no way to its address',
    'check name, network and the limit on open files',
  ),
  backend_connect_timeout: kind(
    504,
    INTERNAL_ERROR,
    '9110 15.6.5',
    'the backend did not accept a connection in time',
    'check firewalls and whether the backend is overloaded',
  ),
  backend_first_byte_timeout: kind(
    504,
    INTERNAL_ERROR,
    '9110 15.6.5',
    'the backend did not begin its response in time',
    'look into the backend, or raise its timeout',
  ),
  backend_idle_timeout: kind(
    504,
    INTERNAL_ERROR,
    '9110 15.6.5',
    'nothing came from the backend for too long, or it took nothing',
    'look into the backend, or raise its timeout',
  ),
  backend_progress_timeout: kind(
    504,
    INTERNAL_ERROR,
    '9110 15.6.5',
    'the backend took a request, or sent a response whose length it had announced, in a trickle',
    'look into the backend, or change timeouts.progress and minimumProgress of its pool',
  ),
  backend_total_timeout: kind(
    504,
    INTERNAL_ERROR,
    '9110 15.6.5',
    'the backend did not complete its response in the time it has in all',
    'look into the backend, or raise timeouts.total of its pool',
  ),
  backend_closed: kind(
    502,
    INTERNAL_ERROR,
    '9110 15.6.3',
    'the backend closed the connection before the response was complete',
    'look into the log of the backend: it may have crashed or been restarted',
  ),
  backend_reset: kind(
    502,
    INTERNAL_ERROR,
    '9110 15.6.3',
    'the connection to the backend broke, or the backend reset the stream',
    'look into the log of the backend',
  ),
  backend_refused_stream: kind(
    503,
    REFUSED_STREAM,
    '9113 8.7',
    'the backend refused the stream, or takes no streams',
    'the backend is overloaded or restarting',
  ),
  backend_going_away: kind(
    503,
    REFUSED_STREAM,
    '9113 6.8',
    'the backend is going away and did not process the request',
    'nothing, when it is being restarted',
  ),
  backend_protocol_error: kind(
    502,
    INTERNAL_ERROR,
    '9110 15.6.3',
    'the response of the backend breaks a rule of HTTP and cannot be passed on safely',
    'correct the backend; the text says which rule',
  ),
  backend_queue_full: kind(
    503,
    REFUSED_STREAM,
    '9110 15.6.4',
    'all connections to the backend are busy and too many requests wait already',
    'more backends, or a larger queue',
  ),
  backend_queue_timeout: kind(
    503,
    REFUSED_STREAM,
    '9110 15.6.4',
    'no connection to the backend became free in time',
    'more backends, or faster ones',
  ),
  backend_tls_failed: kind(
    502,
    INTERNAL_ERROR,
    '9110 15.6.3',
    'TLS with the backend did not come about, or not with one that can be trusted',
    'check the certificate of the backend',
  ),
  client_reset: kind(
    499,
    CANCEL,
    '9113 6.4',
    'the client reset the stream',
    'nothing: people navigate away; many of them point to slow responses',
  ),
  client_closed: kind(
    499,
    CANCEL,
    '9112 9.6',
    'the client closed the connection before the response was complete',
    'nothing: people navigate away; many of them point to slow responses',
  ),
  client_protocol_error: kind(
    400,
    PROTOCOL_ERROR,
    '9113 5.4',
    'the client broke a rule of the protocol',
    'the rule says which one; the client needs to be corrected',
  ),
  client_over_limit: kind(
    429,
    ENHANCE_YOUR_CALM,
    '9113 10.5',
    'the client exceeded a limit that protects the gateway',
    'the rule says which limit; raise it when the client means well',
  ),
  client_header_timeout: kind(
    408,
    CANCEL,
    '9110 15.5.9',
    'the head of the request was not complete in time',
    'nothing, unless clients are on very slow lines',
  ),
  client_body_timeout: kind(
    408,
    CANCEL,
    '9110 15.5.9',
    'the body of the request stood still for too long',
    'nothing, unless clients are on very slow lines',
  ),
  client_write_timeout: kind(
    499,
    CANCEL,
    '',
    'the client did not take the response for too long',
    'nothing, unless clients are on very slow lines',
  ),
  request_rejected: kind(
    400,
    PROTOCOL_ERROR,
    '9110 15.5.1',
    'the request is one that two servers could read differently, or that cannot be sent on',
    'correct the client; the text says what is wrong',
  ),
  request_too_large: kind(
    431,
    PROTOCOL_ERROR,
    '6585 5',
    'the fields of the request are larger or more than is allowed',
    'smaller cookies, or a higher limit',
  ),
  misdirected_request: kind(
    421,
    REFUSED_STREAM,
    '9110 15.5.20',
    'the connection may not be used for this authority',
    'nothing: the client opens another connection',
  ),
  loop_detected: kind(
    508,
    PROTOCOL_ERROR,
    '9110 7.6.3',
    'the request has already passed this gateway',
    'a backend points back to the gateway: correct the routes',
  ),
  no_route: kind(404, REFUSED_STREAM, '9110 15.5.5', 'no route takes the request', 'add a route, or a fallback'),
  connect_refused: kind(
    501,
    CONNECT_ERROR,
    '9110 9.3.6',
    'a tunnel was asked for that is not offered',
    'nothing: the gateway is no forward proxy',
  ),
  admin_target: kind(
    502,
    REFUSED_STREAM,
    '',
    'the address of the backend is one of the gateway’s own admin listeners',
    'correct the address of the backend',
  ),
  overloaded: kind(
    503,
    REFUSED_STREAM,
    '9110 15.6.4',
    'more octets are held for slow clients and backends than limits.maxBufferedBytes',
    'find out who reads slowly; more memory and a higher limit',
  ),
  shutting_down: kind(503, REFUSED_STREAM, '9113 6.8', 'the gateway is closing', 'nothing: the client tries elsewhere'),
  connection_retired: kind(
    503,
    NO_ERROR,
    '9113 6.8',
    'the connection has reached its age or its number of requests, or its listener was closed by a reload',
    'nothing: the client opens another connection',
  ),
  upload_stopped: kind(
    200,
    NO_ERROR,
    '9113 8.1',
    'the response was complete before the request, whose rest was declined',
    'nothing; the response is whole',
  ),
};

/** All codes. */
export const REASON_CODES: readonly ReasonCode[] = Object.keys(REASONS) as ReasonCode[];

/** What one reason may say beyond its code. */
export interface ReasonDetails {
  readonly retryable?: boolean;
  /** Default: the code with `-` for `_`. */
  readonly rule?: string;
  readonly rfc?: string;
  /** Overrides the code's own error code, as when a peer's is passed on. */
  readonly h2Code?: number;
}

const NO_DETAILS: ReasonDetails = {};
const OWN_RULE: Readonly<Record<string, string>> = Object.fromEntries(
  REASON_CODES.map(code => [code, code.replaceAll('_', '-')]),
);

/** Makes a reason. */
export function reason(code: ReasonCode, text: string, more: ReasonDetails = NO_DETAILS): Reason {
  const known = REASONS[code];
  return {
    code,
    text,
    status: known.status,
    h2Code: more.h2Code ?? known.h2Code,
    retryable: more.retryable ?? false,
    rule: more.rule || OWN_RULE[code]!,
    rfc: more.rfc || known.rfc,
  };
}
