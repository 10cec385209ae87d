/**
 * Upgrade from HTTP/1.1 to HTTP/2 in cleartext, RFC 7540 3.2 (RFC 9113 3.1 keeps the token but advises against it;
 * clients such as `curl --http2` still ask). A request that does not qualify is served as HTTP/1.1: an offer to switch
 * protocols may always be ignored (RFC 9110 7.8).
 */
import type { Socket } from 'node:net';
import type { RawRequest } from './http1-rules.ts';
import { upgradeOffer } from './upgrade-offer.ts';

const BASE64URL = /^[A-Za-z0-9_-]*$/;
/** RFC 9113 6.5.1: octets of one setting. */
const SETTING_LENGTH = 6;

/**
 * The payload of the SETTINGS frame that HTTP2-Settings stands for, or null when the request does not ask for h2c or
 * may not have it: exactly one HTTP2-Settings, named by Connection as is Upgrade, no request body.
 */
export function upgradeSettings(raw: RawRequest): Uint8Array | null {
  // RFC 7540 3.2.1: a server MUST NOT upgrade when there is more than one HTTP2-Settings.
  const offer = upgradeOffer(raw, 'http2-settings');
  if (offer === null || offer.value === null || !offer.upgrade.includes('h2c')) return null;
  const { connection, value: settings } = offer;
  if (!connection.includes('upgrade') || !connection.includes('http2-settings')) return null;
  if (!BASE64URL.test(settings) || settings.length % 4 === 1) return null;
  const payload = Buffer.from(settings, 'base64url');
  return payload.length % SETTING_LENGTH === 0 ? payload : null;
}

/** Agrees to the upgrade. What follows on the socket is HTTP/2, our SETTINGS first. */
export function writeSwitchingProtocols(socket: Socket): void {
  socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: h2c\r\n\r\n', 'latin1');
}

/** A request's head as it was received, but for the offer to switch protocols: to have it parsed again without. */
export function headWithoutUpgrade(raw: RawRequest): Buffer {
  let head = `${raw.method} ${raw.url} HTTP/${raw.httpVersion}\r\n`;
  for (let i = 0; i + 1 < raw.rawHeaders.length; i += 2) {
    const name = raw.rawHeaders[i]!;
    if (name.toLowerCase() !== 'upgrade') head += `${name}: ${raw.rawHeaders[i + 1]}\r\n`;
  }
  return Buffer.from(`${head}\r\n`, 'latin1');
}
