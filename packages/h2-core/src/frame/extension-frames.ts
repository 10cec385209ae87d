/** Payloads of the extension frames ALTSVC (RFC 7838 4) and ORIGIN (RFC 8336 2.1). */
import { uint16 } from './bytes.ts';

/** An alternative service advertised by a server. */
export interface AltSvc {
  /** The origin it is for; empty: the origin of the stream the frame came on. */
  readonly origin: string;
  /** An Alt-Svc field value (RFC 7838 3), not parsed. */
  readonly value: string;
}

function text(bytes: Uint8Array, start: number, end: number): string {
  let out = '';
  for (let at = start; at < end; at++) out += String.fromCharCode(bytes[at] as number);
  return out;
}

function octets(value: string): number[] {
  return Array.from(value, c => c.charCodeAt(0) & 0xff);
}

/** Reads ALTSVC; null when the payload is too short for what it announces. */
export function parseAltSvc(bytes: Uint8Array, start: number, length: number): AltSvc | null {
  if (length < 2) return null;
  const originLength = uint16(bytes, start);
  if (originLength > length - 2) return null;
  const middle = start + 2 + originLength;
  return { origin: text(bytes, start + 2, middle), value: text(bytes, middle, start + length) };
}

/** Writes an ALTSVC payload. */
export function altSvcPayload({ origin, value }: AltSvc): Uint8Array {
  return Uint8Array.from([origin.length >> 8, origin.length & 0xff, ...octets(origin), ...octets(value)]);
}

/** Reads ORIGIN; null when an entry is cut off. */
export function parseOrigins(bytes: Uint8Array, start: number, length: number): string[] | null {
  const origins: string[] = [];
  const end = start + length;
  let at = start;
  while (at < end) {
    if (end - at < 2) return null;
    const size = uint16(bytes, at);
    if (size > end - at - 2) return null;
    origins.push(text(bytes, at + 2, at + 2 + size));
    at += 2 + size;
  }
  return origins;
}

/** Writes an ORIGIN payload. */
export function originsPayload(origins: readonly string[]): Uint8Array {
  return Uint8Array.from(origins.flatMap(origin => [origin.length >> 8, origin.length & 0xff, ...octets(origin)]));
}
