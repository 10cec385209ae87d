/** One message of every type, for the golden files. A change here is a change of the wire format: raise the version. */
import {
  type ClientMessage,
  type ConnectionFacts,
  type ConnectionState,
  connectionWord,
  type Events,
  encodeLog,
  encodeMessage,
  type FieldSection,
  type Fields,
  FRAMES_HEADER_BYTES,
  Mark,
  type PayloadPiece,
  packSections,
  RECORD_BYTES,
  RecordWriter,
  type StreamFacts,
  type StreamState,
  type TextMessage,
  writeFramesHeader,
  writePayloads,
} from '../src/index.ts';

export const SECTION: FieldSection = {
  section: 12,
  t: 41_203_100,
  connection: 7,
  stream: 5,
  direction: 0,
  kind: 0,
  wireBytes: 62,
  fieldsOmitted: 0,
  fields: [
    { name: ':method', value: 'GET', representation: 0, index: 2, wireBytes: 1, valueBytes: 3, redacted: null },
    {
      name: ':path',
      value: '/video/seg-041.m4s',
      representation: 1,
      index: 4,
      wireBytes: 16,
      valueBytes: 18,
      redacted: null,
    },
    {
      name: 'cookie',
      value: '',
      representation: 3,
      index: 32,
      wireBytes: 45,
      valueBytes: 61,
      redacted: '9f2c4a7be01d3c55',
    },
    {
      name: 'x-latin',
      value: 'caf\u00e9 \u00ff',
      representation: 2,
      index: 0,
      wireBytes: 12,
      valueBytes: 6,
      redacted: null,
    },
  ],
};

const CONNECTION: ConnectionFacts = {
  id: 7,
  worker: 2,
  leg: 0,
  protocol: 'h2',
  negotiation: 'alpn',
  peer: '127.0.0.1:53114',
  local: '127.0.0.1:8443',
  tls: { version: 'TLSv1.3', cipher: 'TLS_AES_128_GCM_SHA256', servername: 'localhost' },
  openedAt: 1000,
  closedAt: -1,
  closeReason: null,
  settings: { sent: [[3, 128]], acked: [[3, 128]], received: [[4, 65_535]] },
  goAwaySent: { lastStreamId: 5, code: 0, debug: 'drain', at: 42_000_000 },
  goAwayReceived: null,
  tableMax: { received: 4096, sent: 4096 },
};

const CONNECTION_STATE: ConnectionState = {
  id: 7,
  openStreams: 8,
  totalStreams: 10,
  sendWindow: 0,
  receiveWindow: 65_535,
  bytesReceived: 1200,
  bytesSent: 4_300_000,
  frames: [...Array(32).keys()],
  blocked: 1,
  blockedSince: 41_240_000,
  blockedStreams: 2,
  transportFullSince: -1,
  dataSentAt: 41_240_000,
  grantedAt: 41_100_000,
  headerBlockStream: 0,
  headerBlockSince: -1,
  withheldBytes: 0,
  pingRttUs: 400,
  sectionBytesReceived: 900,
  sectionBytesSent: 300,
  fieldBytesReceived: 2900,
  fieldBytesSent: 700,
  evictionsReceived: 0,
  evictionsSent: 3,
  violations: 0,
  resetsReceived: 1,
  resetsSent: 0,
  lastActivityAt: 41_241_000,
};

const STREAM: StreamFacts = {
  connection: 7,
  stream: 5,
  method: 'GET',
  scheme: 'https',
  authority: 'localhost:8443',
  path: '/video/seg-041.m4s',
  status: 200,
  contentType: 'video/mp4',
  grpcStatus: -1,
  requestLength: -1,
  responseLength: 8_100_000,
  announcesTrailers: false,
  waitsFor: 'h2c://127.0.0.1:9000',
  pair: { connection: 12, stream: 1 },
  reset: { code: 8, initiator: 'remote', reason: '' },
  reason: { code: 'client_reset', text: 'the client gave up', rfc: '' },
};

const STREAM_STATE: StreamState = {
  connection: 7,
  stream: 5,
  state: 5,
  sendWindow: 33_000,
  receiveWindow: 65_535,
  bytesReceived: 0,
  bytesSent: 4_200_000,
  framesReceived: 1,
  framesSent: 300,
  blocked: 1,
  blockedSince: 41_240_000,
  stalledSince: 41_240_000,
  pendingBytes: 3_900_000,
  withheldBytes: 0,
  withheldSince: -1,
  grantedAt: -1,
  queuedSince: -1,
  blockedConnectionUs: 12_000,
  blockedStreamUs: 0,
  blockedTransportUs: 7,
  blockedSchedulerUs: 5,
  withheldUs: 11,
  queuedUs: 900,
  openedAt: 41_203_100,
  headReceivedAt: 41_203_100,
  headSentAt: 41_204_400,
  endReceivedAt: 41_203_100,
  endSentAt: -1,
  closedAt: -1,
  lastProgressAt: 41_240_000,
};

const ROWS = {
  backends: [{ url: 'h2c://127.0.0.1:9000', worker: 2, obstacle: 'max-concurrent' as const, connection: 12 }],
  connections: [CONNECTION],
  connectionStates: [CONNECTION_STATE],
  streams: [STREAM],
  streamStates: [STREAM_STATE],
  forgottenConnections: [1],
  forgottenStreams: [[2, 3] as const],
};
const HEAD = { frames: 1_204_118, fields: 20, events: 40, payloads: 60 };
const AT = { t: 41_241_000, seq: 1_204_117, connection: 7 };

export const CLIENT_MESSAGES: readonly ClientMessage[] = [
  { type: 'auth', token: 'AAAAAAAAAAAAAAAAAAAAAA' },
  {
    type: 'subscribe',
    id: 1,
    frames: { types: [0, 8], connections: [7], streams: [5], direction: 1, leg: 0 },
    fields: {},
    events: true,
    payloads: { types: [0] },
    backlog: 1000,
  },
  { type: 'subscribe', id: 2, frames: null, fields: null, events: false, payloads: null, backlog: 0 },
  { type: 'ack', frames: 10, fields: 20, events: 30, payloads: 40 },
  { type: 'ack' },
  { type: 'get', id: 3, what: 'sections', connection: 7, stream: 5 },
  { type: 'get', id: 4, what: 'tables', connection: 7 },
  { type: 'get', id: 6, what: 'verdicts' },
];

export const SERVER_MESSAGES: readonly TextMessage[] = [
  {
    type: 'hello',
    version: 5,
    recordBytes: 40,
    gateway: '6f1c2e0e-0000-4000-8000-000000000000',
    name: '127.0.0.1:8443',
    release: '0.1.0',
    epochMs: 1_795_000_000_000,
    now: 41_241_000,
    ringRecords: 1_677_721,
    creditBytes: 2_097_152,
    revealed: false,
    payloadBytes: 256,
  },
  {
    type: 'snapshot',
    id: 1,
    now: 41_241_000,
    from: { frames: 1_203_118, fields: 0, events: 0, payloads: 0 },
    head: HEAD,
    before: [[7, 1, 0, 290]],
    rows: ROWS,
  },
  { type: 'state', now: 41_341_000, head: HEAD, reset: false, rows: ROWS },
  { type: 'dropped', log: 'frames', cause: 'credit', from: 10, to: 30, count: 20, counts: [[7, 1, 0, 20]] },
  { type: 'dropped', log: 'events', cause: 'overrun', from: 3, to: 4, count: 17, counts: [] },
  { type: 'reply', id: 3, what: 'sections', packed: packSections([SECTION]) },
  {
    type: 'reply',
    id: 4,
    what: 'tables',
    received: {
      maxSize: 4096,
      size: 93,
      complete: true,
      entries: [
        { name: 'cookie', value: '', redacted: '9f2c4a7be01d3c55', size: 39 },
        { name: ':path', value: '/video/seg-041.m4s', redacted: null, size: 54 },
      ],
    },
    sent: { maxSize: 0, size: 0, complete: false, entries: [] },
  },
  {
    type: 'reply',
    id: 6,
    what: 'verdicts',
    now: 41_341_000,
    verdicts: [
      {
        connection: 7,
        stream: 5,
        verdict: {
          code: 'SESSION_SEND_WINDOW',
          upstream: false,
          tone: 'bad',
          short: 'connection window 0',
          sentence: [{ text: 'Stream 5', connection: 7, stream: 5 }, { text: ' has 3.9 MB to send' }],
          since: 40_001_000,
          bytes: 3_900_000,
          rfc: '9113 6.9.1',
        },
      },
    ],
  },
  { type: 'reply', id: 5, what: 'error', message: 'connection 99 is not known' },
];

export const LOG_MESSAGES: readonly [Fields, Events] = [
  // The second section has the fields of the first.
  {
    type: 'fields',
    from: 19,
    to: 21,
    sections: [SECTION, { ...SECTION, section: 0xffff_ffff, direction: 1, kind: 4 }],
  },
  {
    type: 'events',
    from: 29,
    to: 43,
    events: [
      { ...AT, kind: 'connection-opened', facts: CONNECTION },
      { ...AT, kind: 'connection-closed', reason: null },
      { ...AT, kind: 'stream-state', stream: 5, from: 0, to: 5 },
      { ...AT, kind: 'paired', stream: 5, backendConnection: 12, backendStream: 1 },
      { ...AT, kind: 'settings', event: 'received', pairs: [[4, 65_535]] },
      { ...AT, kind: 'goaway', direction: 1, lastStreamId: 5, code: 0, debug: 'drain' },
      { ...AT, kind: 'reset', stream: 5, code: 8, initiator: 'remote', reason: '' },
      { ...AT, kind: 'violation', rule: 'settings.frame-size', rfc: '9113 6.5', stream: 0, frameType: 4, message: 'x' },
      { ...AT, kind: 'reasoned', stream: 5, reason: { code: 'client_reset', text: 'the client gave up', rfc: '' } },
      { ...AT, kind: 'send-blocked', stream: 5, cause: 1, pendingBytes: 3_900_000 },
      { ...AT, kind: 'waiting', stream: 5, backend: 'h2c://127.0.0.1:9000' },
      { ...AT, kind: 'backend-waits', backend: 'h2c://127.0.0.1:9000', obstacle: 'goaway-drain' },
      {
        ...AT,
        kind: 'verdict',
        stream: 5,
        code: 'SESSION_SEND_WINDOW',
        upstream: false,
        text: 'Stream 5 has 3.9 MB to send, but connection 7’s window is 0 since 1.2 s.',
        since: 40_001_000,
        lostUs: 1_240_000,
        bytes: 3_900_000,
      },
      { ...AT, kind: 'table-resized', direction: 0, maxSize: 0 },
      {
        ...AT,
        kind: 'grpc-message',
        stream: 9,
        direction: 1,
        number: 3,
        flags: 1,
        length: 4_000_000_000,
        at: 5,
        phase: 'begin',
      },
    ],
  },
];

/** Two records at the ends of every range. */
export function framesMessage(): Uint8Array {
  const bytes = new Uint8Array(FRAMES_HEADER_BYTES + 2 * RECORD_BYTES);
  writeFramesHeader(bytes, 2, 0x1_ffff_fffe, 0x2_0000_0001);
  const writer = new RecordWriter(bytes.buffer, FRAMES_HEADER_BYTES, 2);
  writer.write(
    0,
    41_203_100.5,
    0xffff_fffe,
    connectionWord(7, 0, 0),
    5,
    62,
    1,
    0x25,
    Mark.SECTION,
    12,
    65_535,
    65_535,
    12,
  );
  writer.write(
    1,
    2 ** 52,
    0,
    connectionWord(2 ** 30 - 1, 1, 1),
    2 ** 31 - 1,
    2 ** 24 - 1,
    255,
    255,
    255,
    65_535,
    -(2 ** 31),
    2 ** 31 - 1,
    2 ** 32 - 1,
  );
  return bytes;
}

/** A body's beginning on one leg, and a frame that steers the connection on the other. */
export const PIECES: readonly PayloadPiece[] = [
  {
    seq: 0x1_ffff_ffff,
    connection: 7,
    leg: 0,
    direction: 0,
    stream: 5,
    type: 0,
    offset: 3,
    octets: Uint8Array.of(0x70, 0x61, 0x73, 0x73),
  },
  {
    seq: 2 ** 52,
    connection: 2 ** 30 - 1,
    leg: 1,
    direction: 1,
    stream: 2 ** 31 - 1,
    type: 255,
    offset: 2 ** 24 - 1,
    octets: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8),
  },
];

export function payloadsMessage(): Uint8Array {
  return writePayloads({ from: 58, to: 60, pieces: PIECES });
}

/** POST of 45 octets on stream 5 of connection 7, and the beginning of its response of 1000, as a viewer is told. */
export const RECORDED_EXCHANGE: {
  readonly texts: readonly string[];
  readonly log: Uint8Array;
  readonly frames: Uint8Array;
} = {
  texts: SERVER_MESSAGES.filter(message => message.type === 'hello' || message.type === 'snapshot').map(encodeMessage),
  log: encodeLog({ type: 'fields', from: 0, to: 1, sections: [{ ...SECTION, kind: 0, direction: 0 }] }),
  frames: exchangeFrames(),
};

function exchangeFrames(): Uint8Array {
  const bytes = new Uint8Array(FRAMES_HEADER_BYTES + 3 * RECORD_BYTES);
  writeFramesHeader(bytes, 3, 0, 3);
  const writer = new RecordWriter(bytes.buffer, FRAMES_HEADER_BYTES, 3);
  writer.write(
    0,
    1000,
    0,
    connectionWord(7, 0, 0),
    5,
    62,
    1,
    0x4,
    Mark.SECTION,
    SECTION.section,
    0,
    0,
    SECTION.section,
  );
  writer.write(1, 2000, 1, connectionWord(7, 0, 0), 5, 45, 0, 0x1, 0, 0, 0, 0, 0);
  writer.write(2, 3000, 2, connectionWord(7, 0, 1), 5, 1000, 0, 0, 0, 0, 0, 0, 0);
  return bytes;
}
