/**
 * HPACK, the field compression of HTTP/2 (RFC 7541), as two state machines without I/O.
 *
 *     field lines --> Encoder --> field block ... wire ... field block --> Decoder --> FieldSink, field by field
 *                       |                                                    |
 *                 dynamic table   (the same entries, if each block arrives)  dynamic table
 *
 * An encoder and a decoder belong to one direction of one connection. Strings are octet strings: one code point
 * U+0000..U+00FF per octet. Nothing here knows HTTP/2 frames or what a valid field name is.
 */

export { Decoder } from './decoder.ts';
export { type DecoderOptions, type FieldSink, HARD_LIMIT_FACTOR, MAX_LIMIT } from './decoder-options.ts';
export { ENTRY_OVERHEAD, type TableEntry } from './dynamic-table.ts';
export { Encoder, type EncoderOptions, type Field } from './encoder.ts';
export { HpackError, type HpackRule, HpackUsageError } from './errors.ts';
export { huffmanDecode, huffmanEncode, huffmanLength } from './huffman.ts';
export { defaultIndexing, type Indexing, type IndexingPolicy } from './indexing.ts';
export { type Cursor, MAX_INTEGER, readInteger, writeInteger } from './integer.ts';
export { isOctetString, latin1Decode, latin1Encode, Octets } from './octets.ts';
export { STATIC_TABLE, STATIC_TABLE_LENGTH } from './static-table.ts';
export { type HpackTap, Representation } from './tap.ts';
