/**
 * From what went wrong on the way to a backend to a `Reason` with a sentence that says what to do about it.
 */
import { TlsAlpnError } from '@glassway/tls-alpn';
import { type Reason, reason } from '../exchange/reason.ts';
import { addressLabel, type Target } from './target.ts';

/** An error of Node's net, dns or tls with the members we read. */
interface SystemError extends Error {
  readonly code?: string;
  readonly address?: string;
  readonly port?: number;
  readonly errors?: readonly SystemError[];
}

/** Code of the error a lookup gives when every address is one of the gateway's own admin listeners. */
export const FORBIDDEN_ADDRESS = 'GLASSWAY_FORBIDDEN_ADDRESS';

/** Codes that say "this machine has no such address family", which is no news when the other family answered. */
const NO_FAMILY = new Set(['EADDRNOTAVAIL', 'EAFNOSUPPORT', 'ENETUNREACH']);

/** No connection came about. Certainly nothing was sent: always retryable. */
export function dialFailure(target: Target, error: Error): Reason {
  const attempts = attemptsOf(error as SystemError);
  const first = attempts[0]!;
  const retryable = { retryable: true };
  if (first.code === FORBIDDEN_ADDRESS) {
    return reason('admin_target', `${target.label} is the gateway's own admin or inspector listener`);
  }
  const refused = attempts.filter(attempt => attempt.code === 'ECONNREFUSED');
  if (refused.length > 0) {
    const others = attempts.filter(attempt => attempt.code !== 'ECONNREFUSED' && !NO_FAMILY.has(attempt.code ?? ''));
    const rest = others
      .map(attempt => `, ${labelOf(target, attempt)} failed (${attempt.code ?? attempt.message})`)
      .join('');
    const names = refused.map(attempt => labelOf(target, attempt)).join(' and ');
    return reason('backend_refused', `${names} refused${rest} (is the app running?)`, retryable);
  }
  switch (first.code) {
    case 'ENOENT':
      return reason('backend_refused', `${target.label} does not exist (is the app running?)`, retryable);
    case 'EACCES':
      return reason('backend_unreachable', `${target.label}: permission denied`, retryable);
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
    case 'EAI_NONAME':
      return reason('backend_unreachable', `cannot resolve host "${target.host}" (${first.code})`, retryable);
    case 'ETIMEDOUT':
      return reason('backend_connect_timeout', `${target.label} did not accept a connection in time`, retryable);
    default: {
      const names = attempts
        .map(attempt => `${labelOf(target, attempt)} (${attempt.code ?? attempt.message})`)
        .join(' and ');
      const hint = first.code === 'EMFILE' ? ': too many files are open, raise the limit (ulimit -n)' : '';
      return reason('backend_unreachable', `cannot connect to ${names}${hint}`, retryable);
    }
  }
}

/** TLS did not come about, or not with a peer we may trust. Nothing was sent: retryable. */
export function tlsFailure(target: Target, error: Error, timeoutMs: number): Reason {
  if (!(error instanceof TlsAlpnError)) return dialFailure(target, error);
  if (error.code === 'dial-timeout') return dialTimeout(target, timeoutMs);
  if (error.code === 'dial-connect') return dialFailure(target, error.cause instanceof Error ? error.cause : error);
  const alert = alertOf(error.cause);
  return reason('backend_tls_failed', alert === null ? error.message : refusedBy(target, alert), { retryable: true });
}

/** The alert with which the other side ended TLS (RFC 8446 6), in the words of its name; null: it sent none. */
function alertOf(error: unknown): string | null {
  const { code = '' } = (error ?? {}) as SystemError;
  const name = /^ERR_SSL_(?:SSLV3|TLSV1|TLSV13)_ALERT_([A-Z_]+)$/.exec(code)?.[1];
  return name === undefined ? null : name.toLowerCase().replaceAll('_', ' ');
}

function refusedBy(target: Target, alert: string): string {
  // TLS 1.2 has no alert of its own for a certificate that is missing.
  const wantsOurs = /certificate|handshake failure|unknown ca|access denied/.test(alert);
  const hint = wantsOurs ? ' (does it want a client certificate? tls.cert and tls.key of its pool)' : '';
  return `${target.label} ended TLS with the alert "${alert}"${hint}`;
}

/** The connection attempt took too long. */
export function dialTimeout(target: Target, timeoutMs: number): Reason {
  return reason('backend_connect_timeout', `no connection to ${target.label} within ${timeoutMs} ms`, {
    retryable: true,
  });
}

/** The connection broke under an exchange. `sent`: octets of the request may have reached the backend. */
export function connectionLost(target: Target, error: Error | null, when: string, sent: boolean): Reason {
  const code = (error as SystemError | null)?.code;
  const more = { retryable: !sent };
  if (error === null) return reason('backend_closed', `${target.label} closed the connection ${when}`, more);
  // In TLS 1.3 our handshake is done before the backend has seen our certificate, or that there is none.
  const alert = alertOf(error);
  if (alert !== null) return reason('backend_tls_failed', refusedBy(target, alert), more);
  return reason('backend_reset', `the connection to ${target.label} broke ${when} (${code ?? error.message})`, more);
}

/** The backend broke the rules of its protocol. `rule`: the core's id of the rule, empty when there is none. */
export function protocolError(target: Target, text: string, rfc: string, rule = ''): Reason {
  return reason('backend_protocol_error', `${target.label}: ${text}`, { rfc, rule });
}

/** Sends go to a backend that is being closed. */
export function shuttingDown(target: Target): Reason {
  return reason('shutting_down', `the gateway is closing its connections to ${target.label}`, { retryable: true });
}

/** More exchanges wait for a connection than may. */
export function queueFull(target: Target, maxConnections: number, maxQueued: number): Reason {
  const text = `all ${maxConnections} connections to ${target.label} are busy and ${maxQueued} exchanges wait already`;
  return reason('backend_queue_full', text, { retryable: true });
}

/** An exchange waited too long for a connection. */
export function queueTimeout(target: Target, timeoutMs: number): Reason {
  return reason('backend_queue_timeout', `no connection to ${target.label} became free within ${timeoutMs} ms`, {
    retryable: true,
  });
}

function attemptsOf(error: SystemError): readonly SystemError[] {
  return error.errors !== undefined && error.errors.length > 0 ? error.errors : [error];
}

function labelOf(target: Target, error: SystemError): string {
  return error.port === undefined ? target.label : addressLabel(error.address ?? target.host, error.port);
}
