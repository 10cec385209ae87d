/** UTF-8 without what only hosts have. */

/** Octets that a text takes. */
export function utf8Length(text: string): number {
  let length = text.length;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x80) continue;
    // A pair is two units of the text and four octets.
    if (text.codePointAt(i)! > 0xffff) i++;
    else if (code < 0x800) {
      length++;
      continue;
    }
    length += 2;
  }
  return length;
}

/** Writes a text; the place behind it. There must be room. */
export function writeUtf8(text: string, target: Uint8Array, from: number): number {
  let at = from;
  for (let i = 0; i < text.length; i++) {
    const code = text.codePointAt(i)!;
    if (code < 0x80) {
      target[at++] = code;
      continue;
    }
    if (code < 0x800) {
      target[at++] = 0xc0 | (code >> 6);
    } else {
      if (code < 0x1_0000) {
        target[at++] = 0xe0 | (code >> 12);
      } else {
        i++;
        target[at++] = 0xf0 | (code >> 18);
        target[at++] = 0x80 | ((code >> 12) & 63);
      }
      target[at++] = 0x80 | ((code >> 6) & 63);
    }
    target[at++] = 0x80 | (code & 63);
  }
  return at;
}

/** The octets of a text. */
export function utf8(text: string): Uint8Array<ArrayBuffer> {
  const octets = new Uint8Array(utf8Length(text));
  writeUtf8(text, octets, 0);
  return octets;
}

/** The text of UTF-8 that `utf8`, or any encoder, made. */
export function fromUtf8(bytes: Uint8Array): string {
  const parts: string[] = [];
  let codes: number[] = [];
  for (let at = 0; at < bytes.length; ) {
    const first = bytes[at]!;
    const more = first < 0x80 ? 0 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
    let code = more === 0 ? first : first & (0x3f >> more);
    for (let i = 1; i <= more; i++) code = (code << 6) | ((bytes[at + i] ?? 0) & 0x3f);
    at += more + 1;
    codes.push(code > 0x10_ffff ? 0xfffd : code);
    if (codes.length === 4096 || at >= bytes.length) {
      parts.push(String.fromCodePoint(...codes));
      codes = [];
    }
  }
  return parts.join('');
}
