/**
 * Rows on the wire: without the names of their members, which are the same in every row and longer than most values.
 * `encodeMessage` and `parseServerMessage` do this on their own.
 */
import type { Changes, ConnectionState, StreamFacts, StreamState } from './rows.ts';

/** Rows as lists of values, in the order of the members below. */
export interface PackedChanges
  extends Pick<Changes, 'backends' | 'connections' | 'forgottenConnections' | 'forgottenStreams'> {
  readonly connectionStates: readonly (readonly unknown[])[];
  readonly streams: readonly (readonly unknown[])[];
  readonly streamStates: readonly (readonly unknown[])[];
}

// The order is part of the wire format. `true` for every member makes the compiler say when one is missing.
type Members<T> = { readonly [Name in keyof T]-?: true };

const CONNECTION_STATE: Members<ConnectionState> = {
  id: true,
  openStreams: true,
  totalStreams: true,
  sendWindow: true,
  receiveWindow: true,
  bytesReceived: true,
  bytesSent: true,
  frames: true,
  blocked: true,
  blockedSince: true,
  blockedStreams: true,
  transportFullSince: true,
  dataSentAt: true,
  grantedAt: true,
  headerBlockStream: true,
  headerBlockSince: true,
  withheldBytes: true,
  pingRttUs: true,
  sectionBytesReceived: true,
  sectionBytesSent: true,
  fieldBytesReceived: true,
  fieldBytesSent: true,
  evictionsReceived: true,
  evictionsSent: true,
  violations: true,
  resetsReceived: true,
  resetsSent: true,
  lastActivityAt: true,
};

const STREAM_FACTS: Members<StreamFacts> = {
  connection: true,
  stream: true,
  method: true,
  scheme: true,
  authority: true,
  path: true,
  status: true,
  contentType: true,
  grpcStatus: true,
  requestLength: true,
  responseLength: true,
  announcesTrailers: true,
  waitsFor: true,
  pair: true,
  reset: true,
  reason: true,
};

const STREAM_STATE: Members<StreamState> = {
  connection: true,
  stream: true,
  state: true,
  sendWindow: true,
  receiveWindow: true,
  bytesReceived: true,
  bytesSent: true,
  framesReceived: true,
  framesSent: true,
  blocked: true,
  blockedSince: true,
  stalledSince: true,
  pendingBytes: true,
  withheldBytes: true,
  withheldSince: true,
  grantedAt: true,
  queuedSince: true,
  blockedConnectionUs: true,
  blockedStreamUs: true,
  blockedTransportUs: true,
  blockedSchedulerUs: true,
  withheldUs: true,
  queuedUs: true,
  openedAt: true,
  headReceivedAt: true,
  headSentAt: true,
  endReceivedAt: true,
  endSentAt: true,
  closedAt: true,
  lastProgressAt: true,
};

const CONNECTION_STATE_NAMES = Object.keys(CONNECTION_STATE) as (keyof ConnectionState)[];
const STREAM_FACTS_NAMES = Object.keys(STREAM_FACTS) as (keyof StreamFacts)[];
const STREAM_STATE_NAMES = Object.keys(STREAM_STATE) as (keyof StreamState)[];

/** Takes the names off. */
export function packChanges(rows: Changes): PackedChanges {
  return {
    backends: rows.backends,
    connections: rows.connections,
    connectionStates: rows.connectionStates.map(row => CONNECTION_STATE_NAMES.map(name => row[name])),
    streams: rows.streams.map(row => STREAM_FACTS_NAMES.map(name => row[name])),
    streamStates: rows.streamStates.map(row => STREAM_STATE_NAMES.map(name => row[name])),
    forgottenConnections: rows.forgottenConnections,
    forgottenStreams: rows.forgottenStreams,
  };
}

/** Puts the names back. Throws `Error` for a row of another length. */
export function unpackChanges(packed: PackedChanges): Changes {
  return {
    backends: packed.backends,
    connections: packed.connections,
    connectionStates: packed.connectionStates.map(row => named<ConnectionState>(CONNECTION_STATE_NAMES, row)),
    streams: packed.streams.map(row => named<StreamFacts>(STREAM_FACTS_NAMES, row)),
    streamStates: packed.streamStates.map(row => named<StreamState>(STREAM_STATE_NAMES, row)),
    forgottenConnections: packed.forgottenConnections,
    forgottenStreams: packed.forgottenStreams,
  };
}

function named<T>(names: readonly (keyof T)[], row: readonly unknown[]): T {
  if (row.length !== names.length) throw new Error(`row of ${row.length} values, needs ${names.length}`);
  const result: { [Name in keyof T]?: unknown } = {};
  for (let i = 0; i < names.length; i++) result[names[i]!] = row[i];
  return result as T;
}
