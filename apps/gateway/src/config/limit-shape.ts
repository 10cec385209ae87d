import { type MapShape, map } from './map-shape.ts';
import { DEFAULT_SETTINGS, type Http2LimitSettings, type LimitSettings } from './settings.ts';
import { duration, field, flag, size, whole } from './shape.ts';

const COUNT = whole(0, 2 ** 31 - 1);
const OCTETS = 2 ** 31 - 1;

const HTTP2: MapShape<Http2LimitSettings> = map<Http2LimitSettings>(
  {
    initialWindowSize: field('Octets a client may send on a stream before they are passed on', size(0, OCTETS)),
    initialConnectionWindowSize: field('The same for the connection', size(65_535, OCTETS)),
    maxFrameSize: field('Greatest frame payload accepted', size(16_384, 2 ** 24 - 1)),
    maxHeaderListSize: field('Size of a field section, 32 octets per field added (HPACK bomb)', size(0, 2 ** 32 - 1)),
    maxHeaderFields: field('Field lines of a section, cookie crumbs counted one by one', whole(1, OCTETS)),
    maxHeaderMemory: field('Field sections of all open streams together', size(0, OCTETS)),
    maxContinuationFrames: field('CONTINUATION frames after one HEADERS', COUNT),
    headerTableSize: field("Dynamic table the client's encoder may use", size(0, 65_536)),
    encoderTableSize: field('Dynamic table our encoder uses at most', size(0, 65_536)),
    maxSendBufferSize: field('Octets that may wait in a stream before the backend is read no further', size(1, OCTETS)),
    maxConnectionSendBufferSize: field(
      'The same for all streams of a connection together; each keeps 16 KiB',
      size(1, OCTETS),
    ),
    maxSettingsPerFrame: field('Entries accepted in one SETTINGS frame', whole(1, OCTETS)),
    maxQueuedReplies: field('Unsent replies at which reading pauses (PING flood)', whole(1, OCTETS)),
    prefaceTimeoutMs: field('Time for the preface and first SETTINGS', duration(), { name: 'prefaceTimeout' }),
    settingsAckTimeoutMs: field('Time for the acknowledgement of our SETTINGS', duration(), {
      name: 'settingsAckTimeout',
    }),
    idleTimeoutMs: field('Time without any stream after which a connection is closed', duration(), {
      name: 'idleTimeout',
    }),
    keepaliveIntervalMs: field('Silence after which a PING is sent while streams are open', duration(), {
      name: 'keepaliveInterval',
    }),
    keepaliveWhileIdle: field('Whether a client without streams is asked, too', flag()),
    keepaliveTimeoutMs: field('Time for the answer to that PING', duration(), { name: 'keepaliveTimeout' }),
    earlyResetPauseMs: field('Pause of reading when most streams are reset before their response', duration(), {
      name: 'earlyResetPause',
    }),
    maxLocalErrorResetStreams: field('Streams reset for errors of the client taken at once; 0: no limit', COUNT),
    maxConcurrentResetStreams: field('Reset streams remembered, so that what comes late is ignored', whole(0, 16_384)),
    resetStreamDurationMs: field('How long closed streams are remembered; 0: by number only', duration(), {
      name: 'resetStreamDuration',
    }),
    oddityBurst: field('Legal but useless frames taken at once; 0: no limit', COUNT),
    oddityRefillPerSecond: field('... and per second', COUNT),
    emptyDataBurst: field('Empty DATA frames taken at once; 0: no limit', COUNT),
    emptyDataRefillPerSecond: field('... and per second', COUNT),
    dataFrameBudget: field('What unread DATA frames below 256 octets may cost; 0: no limit', COUNT),
    settingsWorkBurst: field('Work that SETTINGS may cause at once; 0: no limit', COUNT),
    settingsWorkRefillPerSecond: field('... and per second', COUNT),
    writeStallTimeoutMs: field('Time in which a stream with waiting octets must take at least 1 KiB', duration(), {
      name: 'writeStallTimeout',
    }),
    obeyPriorities: field("Whether the client's priorities are obeyed (RFC 9218)", flag()),
    headerBlockTimeoutMs: field('Time in which a split field section must be complete', duration(), {
      name: 'headerBlockTimeout',
    }),
    goAwayDebugData: field('Whether GOAWAY says why', flag()),
  },
  DEFAULT_SETTINGS.limits.http2,
);

/** What clients may cost. */
export const LIMITS: MapShape<LimitSettings> = map<LimitSettings>(
  {
    negotiationTimeoutMs: field(
      'From accept to the octets that tell the protocol, TLS handshake included',
      duration(),
      {
        name: 'negotiationTimeout',
      },
    ),
    headersTimeoutMs: field('HTTP/1: time for a request head (slowloris)', duration(), { name: 'headersTimeout' }),
    checkIntervalMs: field('How often timeouts are checked', duration(10, 60_000), { name: 'checkInterval' }),
    bodyTimeoutMs: field('HTTP/1: longest pause between body octets', duration(), { name: 'bodyTimeout' }),
    streamIdleTimeoutMs: field('HTTP/2: how long a stream with an incomplete request may stand still', duration(), {
      name: 'streamIdleTimeout',
    }),
    writeStallTimeoutMs: field('HTTP/1: time in which a client must take minimumProgress of a response', duration(), {
      name: 'writeStallTimeout',
    }),
    minimumProgressBytes: field('HTTP/1: octets that count as progress', size(1, OCTETS), { name: 'minimumProgress' }),
    keepAliveTimeoutMs: field('HTTP/1: how long an idle connection is kept', duration(), { name: 'keepAliveTimeout' }),
    maxHeaderBytes: field('HTTP/1: octets of request line and fields', size(256, 1_048_576)),
    maxHeaderFields: field('HTTP/1: field lines of one section', whole(1, 65_536)),
    maxPipelined: field('HTTP/1: requests waiting behind the one being served', whole(0, 65_536)),
    bodyWindowBytes: field('HTTP/1: body octets not passed on at which reading stops', size(1, OCTETS)),
    lingerTimeoutMs: field('HTTP/1: how long the rest of a body is read after an early response', duration(), {
      name: 'lingerTimeout',
    }),
    maxConnections: field('Client connections in total, handshakes included; 0: no limit', COUNT),
    maxConnectionsPerAddress: field(
      'Client connections from one address, of IPv6 from one /64 network; 0: no limit',
      COUNT,
    ),
    maxConnectionAgeMs: field('Age at which a client connection is asked to leave, spread by a tenth', duration(), {
      name: 'maxConnectionAge',
    }),
    maxRequestsPerConnection: field('Requests after which a client connection is asked to leave; 0: never', COUNT),
    maxBufferedBytes: field(
      'Octets held for slow peers in total; above it new requests get a 503',
      size(0, 2 ** 53 - 1),
    ),
    strictScheme: field("Whether :scheme must be the transport's own", flag()),
    strictAuthority: field("421 for names the connection's certificate does not cover", flag()),
    webSocket: field('Whether WebSockets are bridged', flag()),
    http2: field('HTTP/2 connections', HTTP2),
  },
  DEFAULT_SETTINGS.limits,
);
