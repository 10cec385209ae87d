const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** Decodes base64url without padding (RFC 4648 5), as HTTP2-Settings carries it (RFC 7540 3.2.1); null: it is not. */
export function fromBase64Url(text: string): Uint8Array | null {
  const octets = new Uint8Array((text.length * 3) >>> 2);
  if (text.length % 4 === 1) return null;
  let bits = 0;
  let pending = 0;
  let at = 0;
  for (const character of text) {
    const value = ALPHABET.indexOf(character);
    if (value < 0) return null;
    pending = ((pending << 6) | value) & 0xffff;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    octets[at++] = pending >>> bits;
  }
  return octets;
}
