/**
 * What a connection has done so far. The names are stable, for metrics; all numbers only rise. Octets are those of the wire
 * above TLS, with frame headers; body octets those of DATA without padding.
 */
export interface Counters {
  octetsReceived: number;
  /** Octets handed out by `takeOutput`. */
  octetsSent: number;
  framesReceived: number;
  /** Frames written; the last ones may not have been taken yet. */
  framesSent: number;
  bodyOctetsReceived: number;
  bodyOctetsSent: number;
  /** Streams opened by either side: requests, and promises. */
  streamsOpened: number;
  /** Streams that have ended, in any way. */
  streamsClosed: number;
  /** Of those: by RST_STREAM, of either side, or cut by the end of the connection. */
  streamsReset: number;
  /** Streams we had to reset, or would not open, for what the peer did wrong, see `maxLocalErrorResetStreams`. */
  peerErrors: number;
  /** Frames of the peer that were legal but strange, see `ODDITIES`. */
  oddities: number;
  /** Times reading paused because of a limit, see `Connection.wantsPause`. */
  readPauses: number;
}

/** All zero. */
export function newCounters(): Counters {
  return {
    octetsReceived: 0,
    octetsSent: 0,
    framesReceived: 0,
    framesSent: 0,
    bodyOctetsReceived: 0,
    bodyOctetsSent: 0,
    streamsOpened: 0,
    streamsClosed: 0,
    streamsReset: 0,
    peerErrors: 0,
    oddities: 0,
    readPauses: 0,
  };
}
