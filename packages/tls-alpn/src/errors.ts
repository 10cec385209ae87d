/** Every failure this package reports, as one class with a stable code. */

/**
 * What went wrong, stable across releases:
 *
 * - `option`: the caller passed a value outside its range;
 * - `certificate`: a certificate or key cannot be read, parsed, or does not belong to its partner;
 * - `permission`: a private key is readable by other users;
 * - `name-not-permitted`: the development CA's name constraints exclude the name;
 * - `listen`: the address cannot be bound;
 * - `dial-connect`, `dial-timeout`, `dial-aborted`: the TCP connection or the handshake never finished;
 * - `dial-untrusted`: the peer's certificate does not verify;
 * - `dial-no-protocol`: the peer speaks none of the offered protocols;
 * - `dial-handshake`: any other TLS failure.
 */
export type TlsAlpnErrorCode =
  | 'option'
  | 'certificate'
  | 'permission'
  | 'name-not-permitted'
  | 'listen'
  | 'dial-connect'
  | 'dial-timeout'
  | 'dial-aborted'
  | 'dial-untrusted'
  | 'dial-no-protocol'
  | 'dial-handshake';

/** An error of this package. `message` is a sentence a person can act on, `cause` the platform's own error. */
export class TlsAlpnError extends Error {
  override readonly name: string = 'TlsAlpnError';
  /** Stable code, see `TlsAlpnErrorCode`. */
  readonly code: TlsAlpnErrorCode;

  constructor(code: TlsAlpnErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Checks a whole number against its range and returns it; throws `option` naming the option, value and range. */
export function checkInteger(option: string, value: number, min: number, max: number): number {
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new TlsAlpnError('option', `${option} must be a whole number from ${min} to ${max}, got ${value}`);
  }
  return value;
}

/** Checks a list of ALPN protocol names (RFC 7301 3.1: 1 to 255 octets each) and returns it. */
export function checkProtocols(protocols: readonly string[]): readonly string[] {
  if (protocols.length === 0) throw new TlsAlpnError('option', 'protocols must name at least one protocol');
  for (const name of protocols) {
    const octets = Buffer.byteLength(name);
    if (octets < 1 || octets > 255) {
      throw new TlsAlpnError('option', `protocols: "${name}" must have 1 to 255 octets (RFC 7301 3.1)`);
    }
  }
  return protocols;
}
