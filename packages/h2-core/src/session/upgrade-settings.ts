/** The HTTP2-Settings field of an HTTP/1.1 Upgrade (RFC 7540 3.2.1): a SETTINGS payload in base64url without padding. */

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** Decodes base64url without padding (RFC 4648 5); null: it is not. */
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

/** Encodes settings, as pairs of id and value in wire order, for HTTP2-Settings. */
export function settingsField(pairs: readonly number[]): string {
  let text = '';
  let bits = 0;
  let pending = 0;
  const put = (value: number, width: number): void => {
    for (let shift = width - 8; shift >= 0; shift -= 8) {
      pending = ((pending << 8) | ((value >>> shift) & 0xff)) & 0xffff;
      bits += 8;
      for (; bits >= 6; bits -= 6) text += ALPHABET[(pending >>> (bits - 6)) & 0x3f];
    }
  };
  for (let i = 0; i + 1 < pairs.length; i += 2) {
    put(pairs[i] as number, 16);
    put(pairs[i + 1] as number, 32);
  }
  return bits === 0 ? text : text + ALPHABET[(pending << (6 - bits)) & 0x3f];
}
