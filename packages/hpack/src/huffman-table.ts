/**
 * The Huffman code of RFC 7541 Appendix B. The code is canonical: codes count upwards in the order of (length, symbol),
 * so the 257 lengths define it wholly and everything else is derived from them at load.
 */

/** Symbol that ends a Huffman string; it must not occur in one (RFC 7541 5.2). */
export const EOS = 256;
/** Shortest and longest code, bits. */
export const MIN_CODE_BITS = 5;
/** Longest code, bits. */
export const MAX_CODE_BITS = 30;

// Code length of the symbols 0..256, one base-36 digit each.
const LENGTHS =
  'dnsssssssoussussssssssusssssssss6aacd68baa8b8666555666666678f6ca' +
  'd67777777777777777777777878djde6f56565666577666567655677777fbeds' +
  'kmkkmmmnmnnnnnonoomnonnnnlmnmnnomlkmmnnlnmmolmnnllmlnmnnkmmmnmmn' +
  'qqkjmnmpqqqrrqopjlqrrqrollqqsrrrkoklmllnmmppooqnqrqqrrrrrsrrrrrq' +
  'u';

/** Length of each symbol's code in bits, by symbol 0..256. */
export const CODE_BITS: Uint8Array = Uint8Array.from(LENGTHS, digit => Number.parseInt(digit, 36));

/** Each symbol's code, aligned to the least significant bit, by symbol 0..256. */
export const CODES: Uint32Array = new Uint32Array(EOS + 1);

/** Symbols in the order of their codes. */
export const SYMBOLS_BY_CODE: Uint16Array = new Uint16Array(EOS + 1);

/** First code of each length, by length 0..30. */
export const FIRST_CODE: Uint32Array = new Uint32Array(MAX_CODE_BITS + 1);

/** Where the symbols of each length begin in `SYMBOLS_BY_CODE`; `[length + 1]` is where they end. */
export const FIRST_RANK: Uint16Array = new Uint16Array(MAX_CODE_BITS + 2);

deriveCodes();

function deriveCodes(): void {
  let code = 0;
  let rank = 0;
  for (let bits = MIN_CODE_BITS; bits <= MAX_CODE_BITS; bits++) {
    code <<= 1;
    FIRST_CODE[bits] = code;
    FIRST_RANK[bits] = rank;
    for (let symbol = 0; symbol <= EOS; symbol++) {
      if (CODE_BITS[symbol] !== bits) continue;
      CODES[symbol] = code++;
      SYMBOLS_BY_CODE[rank++] = symbol;
    }
  }
  FIRST_RANK[MAX_CODE_BITS + 1] = rank;
}
