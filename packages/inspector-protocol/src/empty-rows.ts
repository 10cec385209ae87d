/** Rows of connections and streams of which nothing is known yet: where the hub and the page both begin. Times -1: unknown. */
import { TYPE_BUCKETS } from './record.ts';
import { Blocked, type ConnectionState, type StreamFacts, type StreamState } from './rows.ts';

/** State of a connection that did nothing yet. */
export function emptyConnectionState(id: number, t: number): ConnectionState {
  return {
    id,
    openStreams: 0,
    totalStreams: 0,
    sendWindow: 65_535,
    receiveWindow: 65_535,
    bytesReceived: 0,
    bytesSent: 0,
    frames: new Array<number>(2 * TYPE_BUCKETS).fill(0),
    blocked: Blocked.NOT,
    blockedSince: -1,
    blockedStreams: 0,
    transportFullSince: -1,
    dataSentAt: -1,
    grantedAt: -1,
    headerBlockStream: 0,
    headerBlockSince: -1,
    withheldBytes: 0,
    pingRttUs: -1,
    sectionBytesReceived: 0,
    sectionBytesSent: 0,
    fieldBytesReceived: 0,
    fieldBytesSent: 0,
    evictionsReceived: 0,
    evictionsSent: 0,
    violations: 0,
    resetsReceived: 0,
    resetsSent: 0,
    lastActivityAt: t,
  };
}

/** Facts of a stream of which only the name is known. */
export function emptyStreamFacts(connection: number, stream: number): StreamFacts {
  return {
    connection,
    stream,
    method: '',
    scheme: '',
    authority: '',
    path: '',
    status: 0,
    contentType: '',
    grpcStatus: -1,
    requestLength: -1,
    responseLength: -1,
    announcesTrailers: false,
    waitsFor: '',
    pair: null,
    reset: null,
    reason: null,
  };
}

/** State of a stream that did nothing yet. */
export function emptyStreamState(connection: number, stream: number, t: number): StreamState {
  return {
    connection,
    stream,
    state: 0,
    sendWindow: 0,
    receiveWindow: 0,
    bytesReceived: 0,
    bytesSent: 0,
    framesReceived: 0,
    framesSent: 0,
    blocked: Blocked.NOT,
    blockedSince: -1,
    stalledSince: -1,
    pendingBytes: 0,
    withheldBytes: 0,
    withheldSince: -1,
    grantedAt: -1,
    queuedSince: -1,
    blockedConnectionUs: 0,
    blockedStreamUs: 0,
    blockedTransportUs: 0,
    blockedSchedulerUs: 0,
    withheldUs: 0,
    queuedUs: 0,
    openedAt: t,
    headReceivedAt: -1,
    headSentAt: -1,
    endReceivedAt: -1,
    endSentAt: -1,
    closedAt: -1,
    lastProgressAt: t,
  };
}
