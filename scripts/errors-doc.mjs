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
  'stream.reset': ['as given', "the program reset the stream, or its AbortSignal did: `cause` has the signal's reason"],
  'body.cancelled': ['CANCEL', 'the program read on in a body that it had given up before its end: `cancel`, `abort`'],
  'goaway.error': ['as received', 'the peer ended the connection by GOAWAY with an error'],
  'goaway.unprocessed': ['as received, or REFUSED_STREAM', 'GOAWAY says that the peer did not process the request'],
  'content-length.unmet': ['INTERNAL_ERROR', 'the program ended a body short of the content-length it had announced'],
  'request.unsent': ['REFUSED_STREAM, or that of the connection', 'the connection ended before the request was sent'],
  'push.untaken': [
    'CANCEL',
    "responses to promises that the program has not taken fill the connection's receive window",
  ],
  'accept.queue-full': ['REFUSED_STREAM', 'more than `maxPendingAccept` requests wait for `accept`'],
  'accept.connection-ended': ['REFUSED_STREAM', 'the program ended the connection before it was given the request'],
  'transport.connect': ['NO_ERROR', 'the transport could not be connected; `cause` has its error'],
};

/** What whoever reads a rule's id in a log can do. */
const PEER = 'a defect of the peer: report it there, with the section';
const HEADERS = 'a defect of the program behind the peer: it sends a message that HTTP/2 does not allow';
const LIMIT = 'an attack, or a limit too low for honest traffic';

/** For each rule: what it ends, and what to do. */
export const ADVICE = {
  'preface.client': [
    'connection',
    'the peer does not speak HTTP/2: look at its port, its ALPN, or what stands between',
  ],
  'preface.http1': ['connection', 'the server speaks HTTP/1.1 only, or wants TLS: look at the address and its port'],
  'preface.settings': ['connection', PEER],
  'preface.timeout': ['connection', 'a port scanner, a health check, or `prefaceTimeoutMs` too short for the network'],
  'frame.too-large': ['connection', `${PEER}; \`maxFrameSize\` sets what it is told`],
  'frame.length': ['connection', PEER],
  'frame.padding': ['connection', PEER],
  'frame.stream-zero': ['connection', PEER],
  'frame.stream-nonzero': ['connection', PEER],
  'frame.idle-stream': ['connection', PEER],
  'frame.interleaved': ['connection', PEER],
  'continuation.unexpected': ['connection', PEER],
  'continuation.too-many': ['connection', `${LIMIT}: \`maxContinuationFrames\``],
  'continuation.timeout': ['connection', `${LIMIT}: \`headerBlockTimeoutMs\``],
  'hpack.block': ['connection', `${PEER}; the message says which rule of RFC 7541, see below`],
  'headers.too-large': ['connection', `${LIMIT}: \`maxHeaderListSize\``],
  'headers.list-size': [
    'stream',
    `${LIMIT}: \`maxHeaderListSize\`, \`maxHeaderFields\`; large cookies are the usual reason`,
  ],
  'headers.informational': ['stream', `${LIMIT}: \`maxHeaderListSize\` holds for all of them together`],
  'headers.memory': ['stream', `nothing, a peer may retry; if it happens all the time ${LIMIT}: \`maxHeaderMemory\``],
  'stream.id-parity': ['connection', PEER],
  'stream.id-reused': ['connection', PEER],
  'stream.closed': ['stream; connection for HEADERS', PEER],
  'stream.half-closed': ['stream', PEER],
  'stream.state': ['connection', PEER],
  'stream.refused': ['stream', 'nothing, a peer may retry; `maxConcurrentStreams` if it happens all the time'],
  'stream.going-away': ['stream', 'nothing, a peer retries on a new connection'],
  'priority.self': ['stream; connection for an idle one', PEER],
  'priority.length': ['stream; connection for an idle one', PEER],
  'priority-update.length': ['connection', PEER],
  'priority-update.stream': ['connection', PEER],
  'priority-update.limit': ['connection', PEER],
  'rst.length': ['connection', PEER],
  'settings.length': ['connection', PEER],
  'settings.ack-length': ['connection', PEER],
  'settings.ack-unexpected': ['connection', PEER],
  'settings.too-many': ['connection', `${LIMIT}: \`maxSettingsPerFrame\``],
  'settings.timeout': ['connection', 'the peer hangs or the network does: `settingsAckTimeoutMs`'],
  'settings.enable-push': ['connection', PEER],
  'settings.enable-push-server': ['connection', PEER],
  'settings.initial-window-size': ['connection', PEER],
  'settings.window-overflow': ['connection', PEER],
  'settings.frame-size': ['connection', PEER],
  'settings.connect-protocol': ['connection', PEER],
  'settings.connect-protocol-revoked': ['connection', PEER],
  'settings.no-rfc7540': ['connection', PEER],
  'settings.no-rfc7540-changed': ['connection', PEER],
  'push.disabled': ['connection', PEER],
  'push.from-client': ['connection', PEER],
  'push.parent': ['connection', PEER],
  'push.id': ['connection', PEER],
  'push.request': ['stream', HEADERS],
  'push.too-many': ['stream', 'nothing; the server promises more than it keeps: `maxReservedStreams`'],
  'ping.length': ['connection', PEER],
  'goaway.length': ['connection', PEER],
  'goaway.last-id-increased': ['connection', PEER],
  'window.length': ['connection', PEER],
  'window.zero': ['stream; connection for stream 0', PEER],
  'window.overflow': ['stream; connection for stream 0', PEER],
  'window.exceeded': ['stream, or connection: whose window it was', PEER],
  'field.name': ['stream', HEADERS],
  'field.value': ['stream', HEADERS],
  'field.connection-specific': ['stream', `${HEADERS}; a proxy that copies HTTP/1.1 fields is the usual reason`],
  'field.te': ['stream', HEADERS],
  'pseudo.value': ['stream', HEADERS],
  'pseudo.unknown': ['stream', HEADERS],
  'pseudo.late': ['stream', HEADERS],
  'pseudo.duplicate': ['stream', HEADERS],
  'pseudo.missing': ['stream', HEADERS],
  'pseudo.trailers': ['stream', HEADERS],
  'connect.fields': ['stream', HEADERS],
  'connect.trailers': ['stream', PEER],
  'connect.protocol': ['stream', '`enableConnectProtocol`, if WebSockets over HTTP/2 are wanted'],
  'host.mismatch': ['stream', `${HEADERS}, or a request meant to be read in two ways`],
  'content-length.value': ['stream', `${HEADERS}, or a request meant to be read in two ways`],
  'content-length.mismatch': ['stream', 'the body was cut off or its length is wrong, on the way or at its source'],
  'trailers.end-stream': ['stream', PEER],
  'status.informational-end': ['stream', PEER],
  'status.switching': ['stream', `${HEADERS}: WebSockets over HTTP/2 are extended CONNECT`],
  'data.before-headers': ['stream', PEER],
  'data.head': ['stream', HEADERS],
  'flood.resets': ['connection', `${LIMIT}: \`earlyResetPauseMs\``],
  'flood.stream-errors': ['connection', `${LIMIT}: \`maxLocalErrorResetStreams\``],
  'accept.resets': ['connection', `${LIMIT}: \`maxPendingAcceptResetStreams\`; is \`accept\` called often enough?`],
  'flood.oddities': ['connection', `${LIMIT}: \`oddityBurst\`, \`oddityRefillPerSecond\``],
  'flood.empty-data': ['connection', `${LIMIT}: \`emptyDataBurst\`, \`emptyDataRefillPerSecond\``],
  'flood.small-data': ['connection', `${LIMIT}: \`dataFrameBudget\`; are bodies read?`],
  'flood.settings': ['connection', `${LIMIT}: \`settingsWorkBurst\`, \`settingsWorkRefillPerSecond\``],
  'write.stalled': [
    'stream, or connection: whose window it was',
    'the reader hangs: `writeStallTimeoutMs`, 0 for streams that may wait',
  ],
  'flood.replies': ['connection', `${LIMIT}: \`maxQueuedReplies\``],
  'keepalive.timeout': ['connection', 'the peer or the network is gone: connect anew; `keepaliveTimeoutMs`'],
  'idle.timeout': ['connection, without an error', 'nothing; `idleTimeoutMs`'],
  'transport.closed': [
    'connection',
    'the peer or the network went away; requests without an answer may have been processed',
  ],
};

function table(head, rows) {
  const lines = [head, head.map(() => '---'), ...rows];
  return lines.map(cells => `| ${cells.join(' | ')} |`).join('\n');
}

/** The text of docs/errors.md. */
export function errorsDoc() {
  const rules = Object.entries(RULES).map(([id, { rfc, code, text }]) => {
    const [scope, advice] = ADVICE[id] ?? ['', ''];
    return [`\`${id}\``, rfc, errorCodeName(code), scope, text, advice];
  });
  const hpack = Object.entries(HPACK_RULES).map(([id, cells]) => [`\`${id}\``, ...cells]);
  const others = Object.entries(OTHER_ENDS).map(([id, cells]) => [`\`${id}\``, ...cells]);
  return `# Errors

<!-- Written by scripts/errors-doc.mjs. -->

Errors carry a stable id in \`rule\`, for logs and tests. The ids of broken rules are also the debug data of the GOAWAY that
ends a connection, and what a \`Tap\` is told.

An \`H2Error\` ends one stream or the whole connection: its \`scope\` says which, \`code\` is the error code on the wire,
\`initiator\` who ended it. \`retryable\` is true when the request was certainly not processed (RFC 9113 8.7).

## Rules a peer can break

${table(['rule', 'RFC', 'error code', 'ends', 'what happened', 'what to do'], rules)}

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
