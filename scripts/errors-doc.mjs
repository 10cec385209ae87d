// Writes docs/errors.md: every id that an error of the protocol packages can carry. Run it after a change of the rules, on
// built packages: `node scripts/errors-doc.mjs`. A test holds the committed file to what this would write.
import { writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { errorCodeName, RULES } from '@glassway/h2-core';
import { inRoot } from './lib/workspace.mjs';

/** Rules of RFC 7541 by id, as an `HpackError` carries them: section, what the peer did. */
export const HPACK_RULES = {
  'hpack.incomplete': ['7541 5.1, 5.2', 'the field block ends within an integer or a string'],
  'hpack.index': ['7541 2.3.3', 'an index is in neither the static nor the dynamic table'],
  'hpack.integer-overflow': ['7541 5.1', 'an integer is above 2^31-1 or longer than 6 octets'],
  'hpack.string-length': ['7541 7.4', 'a name or value is longer than `maxStringLength`'],
  'hpack.huffman-eos': ['7541 5.2', 'a Huffman string contains the EOS symbol'],
  'hpack.huffman-padding': ['7541 5.2', 'a Huffman string does not end in at most 7 bits of ones'],
  'hpack.update-position': ['7541 4.2', 'a table size update stands behind a field line'],
  'hpack.update-too-large': ['7541 6.3', 'a table size update exceeds the size we advertised'],
  'hpack.update-missing': ['7541 4.2', 'a block does not begin with the table size update that is due'],
  'hpack.section-too-large': [
    '9113 10.5.1',
    'a field section is more than four times the limit on octets or on fields',
  ],
  'hpack.context-lost': ['9113 4.3', 'a block came after one that was left in the middle'],
};

/** What ends a stream or a connection without a rule being broken: error code, what happened. */
export const OTHER_ENDS = {
  'connection.closed': ['CANCEL or NO_ERROR', 'the connection was closed before what was waited for came'],
  'connection.destroyed': ['as given', 'the program ended the connection with an error: `destroy`'],
  'stream.reset': ['as given', 'the program reset the stream'],
  'goaway.error': ['as received', 'the peer ended the connection by GOAWAY with an error'],
  'goaway.unprocessed': ['as received, or REFUSED_STREAM', 'GOAWAY says that the peer did not process the request'],
  'content-length.unmet': ['INTERNAL_ERROR', 'the program ended a body short of the content-length it had announced'],
  'request.unsent': ['REFUSED_STREAM, or that of the connection', 'the connection ended before the request was sent'],
  'accept.queue-full': ['REFUSED_STREAM', 'more than `maxPendingAccept` requests wait for `accept`'],
  'transport.connect': ['NO_ERROR', 'the transport could not be connected; `cause` has its error'],
};

function table(head, rows) {
  const lines = [head, head.map(() => '---'), ...rows];
  return lines.map(cells => `| ${cells.join(' | ')} |`).join('\n');
}

/** The text of docs/errors.md. */
export function errorsDoc() {
  const rules = Object.entries(RULES).map(([id, { rfc, code, text }]) => [`\`${id}\``, rfc, errorCodeName(code), text]);
  const hpack = Object.entries(HPACK_RULES).map(([id, cells]) => [`\`${id}\``, ...cells]);
  const others = Object.entries(OTHER_ENDS).map(([id, cells]) => [`\`${id}\``, ...cells]);
  return `# Errors

<!-- Written by scripts/errors-doc.mjs. -->

Errors carry a stable id in \`rule\`, for logs and tests. The ids of broken rules are also the debug data of the GOAWAY that
ends a connection, and what a \`Tap\` is told.

An \`H2Error\` ends one stream or the whole connection: its \`scope\` says which, \`code\` is the error code on the wire,
\`initiator\` who ended it. \`retryable\` is true when the request was certainly not processed (RFC 9113 8.7).

## Rules a peer can break

${table(['rule', 'RFC', 'error code', 'what happened'], rules)}

## Field blocks that do not decode

An \`HpackError\` of \`@glassway/hpack\`. Within HTTP/2 each is a connection error: \`headers.too-large\` for the limits
\`hpack.section-too-large\` and \`hpack.string-length\`, else \`hpack.block\`.

${table(['rule', 'RFC', 'what happened'], hpack)}

## Other ends

${table(['rule', 'error code', 'what happened'], others)}

An \`H2Error\` whose \`rule\` is empty came from the peer by RST_STREAM; \`code\` is all it said.

## Mistakes of the program

A \`UsageError\` has a \`rule\` that begins with \`api.\`, and a message that says what to give instead. \`HpackUsageError\` is the
same for \`@glassway/hpack\`. Nothing was sent and nothing has changed, but for one: ending a body short of its content-length
resets the stream, because what was announced has left. \`TlsAlpnError\` is described in the README of
\`@glassway/tls-alpn\`.
`;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  writeFileSync(inRoot('docs/errors.md'), errorsDoc());
}
