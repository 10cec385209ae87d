/** The words of gRPC over HTTP/2: status codes, timeouts, messages in trailers. */

/** Status codes by number. */
const STATUS_NAMES: readonly string[] = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
];

/** What a status means, in a few words. */
const MEANINGS: readonly string[] = [
  'the call succeeded',
  'cancelled, as a rule by the caller',
  'an error nobody has named',
  'the caller’s argument is wrong',
  'the deadline passed before the call was done',
  'there is no such thing',
  'it is there already',
  'the caller may not do this',
  'a quota, or space, is used up',
  'the system is not in the state that the call needs',
  'aborted, as a rule because of another call at the same time',
  'beyond the valid range',
  'the service does not have this method',
  'something that must hold does not',
  'the service is not there now; calling again may help',
  'data is lost or damaged',
  'the caller is not known',
];

/** `UNAVAILABLE`, or the number of a code nobody defined. */
export function grpcStatusName(code: number): string {
  return STATUS_NAMES[code] ?? String(code);
}

/** What the code means; empty for one nobody defined. */
export function grpcStatusMeaning(code: number): string {
  return MEANINGS[code] ?? '';
}

const UNITS: Readonly<Record<string, readonly [milliseconds: number, unit: string]>> = {
  H: [3_600_000, 'h'],
  M: [60_000, 'min'],
  S: [1000, 's'],
  m: [1, 'ms'],
  u: [1e-3, 'µs'],
  n: [1e-6, 'ns'],
};

/** A `grpc-timeout`, `1500m`: milliseconds and words; null: it is none. */
export function grpcTimeout(value: string): { readonly ms: number; readonly text: string } | null {
  const match = /^(\d{1,8})([HMSmun])$/.exec(value);
  const unit = UNITS[match?.[2] ?? ''];
  if (match === null || unit === undefined) return null;
  return { ms: Number(match[1]) * unit[0], text: `${Number(match[1])} ${unit[1]}` };
}

/** A `grpc-message` without its percent-encoding; octets that are no UTF-8 stay as they came. */
export function grpcMessage(value: string): string {
  return value.replace(/(?:%[0-9a-fA-F]{2})+/g, encoded => {
    try {
      return decodeURIComponent(encoded);
    } catch {
      return encoded;
    }
  });
}
