import { generateKeyPairSync, sign } from 'node:crypto';
import { createSecureContext, type SecureContext } from 'node:tls';

let made: SecureContext | null = null;

/**
 * A certificate that no handshake can use, its ECDSA key being on a curve that TLS has no signature for (secp256k1).
 *
 * OpenSSL keeps a certificate for each kind of key. When Node 20 gives a handshake the certificate of a server name, it
 * replaces that of the same kind only (Node 24 replaces all): a default certificate with an ECDSA key would be shown in place
 * of a named one with an RSA key, because clients prefer ECDSA. This one takes its place.
 */
export function unusableEcdsa(): SecureContext {
  made ??= make();
  return made;
}

function make(): SecureContext {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'secp256k1' });
  const algorithm = der(SEQUENCE, der(OBJECT_IDENTIFIER, ECDSA_WITH_SHA256));
  const validity = der(
    SEQUENCE,
    der(UTC_TIME, Buffer.from('000101000000Z')),
    der(UTC_TIME, Buffer.from('491231235959Z')),
  );
  const nobody = der(SEQUENCE);
  const subject = publicKey.export({ type: 'spki', format: 'der' });
  const body = der(SEQUENCE, der(INTEGER, Buffer.of(1)), algorithm, nobody, validity, nobody, subject);
  const signature = der(BIT_STRING, Buffer.of(0), sign('sha256', body, privateKey));
  const certificate = der(SEQUENCE, body, algorithm, signature);
  const cert = `-----BEGIN CERTIFICATE-----\n${certificate.toString('base64')}\n-----END CERTIFICATE-----\n`;
  return createSecureContext({ cert, key: privateKey.export({ type: 'pkcs8', format: 'pem' }) });
}

const INTEGER = 0x02;
const BIT_STRING = 0x03;
const OBJECT_IDENTIFIER = 0x06;
const UTC_TIME = 0x17;
const SEQUENCE = 0x30;
/** 1.2.840.10045.4.3.2 */
const ECDSA_WITH_SHA256 = Buffer.from('2a8648ce3d040302', 'hex');

/** A DER value of at most 65,535 octets. */
function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >>> 8, length & 0xff];
  return Buffer.concat([Buffer.of(tag, ...size), content]);
}
