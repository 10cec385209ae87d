/**
 * Octet classes of HTTP/1.1 syntax as lookup tables, so that the parser decides with one load per octet.
 */

/** RFC 9110 5.6.2 tchar: 0 = not a token character, else the character itself in lower case. */
export const TOKEN_LOWER: Uint8Array = new Uint8Array(256);
/** RFC 9110 5.5 field-content (VCHAR, obs-text, SP, HTAB): 1 = allowed inside a field value or reason phrase. */
export const VALUE: Uint8Array = new Uint8Array(256);
/** Value of a hexadecimal digit, 255 for anything else. */
export const HEX: Uint8Array = new Uint8Array(256).fill(255);

for (const char of "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz")
  TOKEN_LOWER[char.charCodeAt(0)] = char.charCodeAt(0);
for (let octet = 0x41; octet <= 0x5a; octet++) TOKEN_LOWER[octet] = octet + 0x20;
for (let octet = 0x20; octet < 0x100; octet++) VALUE[octet] = octet === 0x7f ? 0 : 1;
VALUE[0x09] = 1;
for (let digit = 0; digit < 16; digit++) {
  HEX[digit.toString(16).charCodeAt(0)] = digit;
  HEX[digit.toString(16).toUpperCase().charCodeAt(0)] = digit;
}

/** Carriage return. */
export const CR = 0x0d;
/** Line feed. */
export const LF = 0x0a;
/** Space. */
export const SP = 0x20;
/** Horizontal tab. */
export const HTAB = 0x09;
/** `:` */
export const COLON = 0x3a;
/** `;` */
export const SEMICOLON = 0x3b;
