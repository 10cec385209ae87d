/**
 * `GET /.well-known/h2/state`: what this end of the connection believes, as JSON for whoever debugs the other end. The names
 * are those of draft-benfield-http2-debug-state-01, which other servers use too.
 */
import type { Connection, FieldList, RequestHead, Stream } from '@glassway/h2-core';

/** RFC 9113 5.1, by the number of the core. */
const STATES = [
  'IDLE',
  'RESERVED_LOCAL',
  'RESERVED_REMOTE',
  'OPEN',
  'HALF_CLOSED_LOCAL',
  'HALF_CLOSED_REMOTE',
  'CLOSED',
] as const;

/** Settings by their names in the RFCs. */
const SETTINGS = {
  headerTableSize: 'SETTINGS_HEADER_TABLE_SIZE',
  enablePush: 'SETTINGS_ENABLE_PUSH',
  maxConcurrentStreams: 'SETTINGS_MAX_CONCURRENT_STREAMS',
  initialWindowSize: 'SETTINGS_INITIAL_WINDOW_SIZE',
  maxFrameSize: 'SETTINGS_MAX_FRAME_SIZE',
  maxHeaderListSize: 'SETTINGS_MAX_HEADER_LIST_SIZE',
  enableConnectProtocol: 'SETTINGS_ENABLE_CONNECT_PROTOCOL',
} as const;

/** Whether a request asks for the state. */
export function asksForState({ method, path, protocol }: RequestHead): boolean {
  return path === '/.well-known/h2/state' && method === 'GET' && protocol === '';
}

/** The response. The windows stand in its fields as well: they arrive even where a window keeps the body back. */
export function describeState(
  connection: Connection,
  streams: Iterable<Stream>,
): { readonly fields: FieldList; readonly body: Uint8Array } {
  const { receiveWindow, sendWindow } = connection;
  const body = Buffer.from(
    `${JSON.stringify(
      {
        version: 'draft-01',
        settings: named(connection.localSettings),
        peerSettings: named(connection.remoteSettings),
        connFlowIn: receiveWindow,
        connFlowOut: sendWindow,
        streams: Object.fromEntries([...streams].map(stream => [stream.id, describe(stream)])),
      },
      null,
      2,
    )}\n`,
  );
  const fields = [
    ...['content-type', 'application/json', 'content-length', String(body.length), 'cache-control', 'no-store'],
    ...['conn-flow-in', String(receiveWindow), 'conn-flow-out', String(sendWindow)],
  ];
  return { fields, body };
}

function named(settings: Connection['localSettings']): Record<string, number> {
  const out: Record<string, number> = {};
  for (const [key, name] of Object.entries(SETTINGS) as [keyof typeof SETTINGS, string][]) {
    const value = Number(settings[key]);
    // Infinity says that the peer set no limit, for which there is no number.
    if (Number.isFinite(value)) out[name] = value;
  }
  return out;
}

function describe({ state, receiveWindow, sendWindow, bufferedBytes, unreleasedBytes }: Stream): object {
  return {
    state: STATES[state],
    flowIn: receiveWindow,
    flowOut: sendWindow,
    waitingOut: bufferedBytes,
    unreadIn: unreleasedBytes,
  };
}
