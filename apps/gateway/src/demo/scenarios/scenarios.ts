/** The scenarios, by the name that `glassway demo --scenario` knows them by. Each comes to one verdict. */
import type { ScenarioName } from './names.ts';
import { answering, type BackendScript, type Scenario } from './scenario.ts';
import { Flag, MAX_WINDOW, type ScriptedPeer, Setting, Type } from './scripted-peer.ts';

const MIB = 1024 * 1024;
const LARGE_WINDOW = 64 * MIB;
/** Window given in one go by the client that keeps its connection short of it, and how often. */
const DRIP_BYTES = 16 * 1024;
const DRIP_MS = 30;
/** After this the second request is sent, so that the first has its connection. */
const SECOND_REQUEST_MS = 150;

/** More than the gateway keeps for a backend that does not read, and less than the windows it gives a client. */
const UPLOAD_BYTES = 600_000;

const ok = [[':status', '200']] as const;

/** A client with all the window one could wish for. */
function generous(peer: ScriptedPeer): ScriptedPeer {
  return peer.settings([Setting.INITIAL_WINDOW_SIZE, MAX_WINDOW]).grant(0, MAX_WINDOW - 65_535);
}

function getOne(peer: ScriptedPeer): void {
  generous(peer).get(1, '/stalled');
}

function getTwo(peer: ScriptedPeer): void {
  generous(peer).get(1, '/first');
  const timer = setTimeout(() => peer.get(3, '/second'), SECOND_REQUEST_MS);
  peer.socket.on('close', () => clearTimeout(timer));
}

/** The first connection is as it should be, the next ones never get as far as SETTINGS. */
function onlyFirst(script: BackendScript): BackendScript {
  return (peer, ordinal) => {
    if (ordinal === 1) script(peer, ordinal);
  };
}

/** By name. */
export const SCENARIOS: Readonly<Record<ScenarioName, Scenario>> = {
  'connection-window': {
    about: 'two downloads; the client returns nothing to the connection’s window',
    verdict: 'SESSION_SEND_WINDOW',
    stream: 3,
    backend: null,
    client: peer => {
      peer.settings([Setting.INITIAL_WINDOW_SIZE, LARGE_WINDOW]);
      peer.get(1, '/download?mib=1').get(3, '/download?mib=1');
    },
  },
  'stream-window': {
    about: 'a download; the client allows the stream 10,000 octets and not one more',
    verdict: 'STREAM_SEND_WINDOW',
    stream: 1,
    backend: null,
    client: peer => {
      peer.settings([Setting.INITIAL_WINDOW_SIZE, 10_000]).grant(0, LARGE_WINDOW);
      peer.get(1, '/download?mib=1');
    },
  },
  transport: {
    about: 'a download; the client has stopped reading its socket',
    verdict: 'TRANSPORT',
    stream: 1,
    backend: null,
    client: peer => {
      generous(peer).get(1, '/download?mib=256');
      peer.socket.pause();
    },
  },
  scheduler: {
    about: 'an urgent download takes all the window there is, and a patient one waits behind it',
    verdict: 'SCHEDULER',
    stream: 3,
    backend: null,
    client: peer => {
      peer.settings([Setting.INITIAL_WINDOW_SIZE, MAX_WINDOW]);
      peer.get(1, '/download?mib=512', ['priority', 'u=0']).get(3, '/download?mib=1', ['priority', 'u=7']);
      const timer = setInterval(() => peer.grant(0, DRIP_BYTES), DRIP_MS);
      peer.socket.on('close', () => clearInterval(timer));
    },
  },
  'backend-idle': {
    about: 'the backend begins its answer and falls silent',
    verdict: 'BACKEND_IDLE',
    stream: 1,
    backend: answering((peer, streamId) => peer.headers(streamId, ok).data(streamId, 1000)),
    client: getOne,
  },
  'local-backpressure': {
    about: 'an upload; the backend takes no more of it, so the gateway takes no more from the client',
    verdict: 'LOCAL_BACKPRESSURE',
    stream: 1,
    backend: answering(() => {}),
    client: peer => {
      peer.settings().post(1, '/upload');
      peer.data(1, 65_535);
      let left = UPLOAD_BYTES;
      peer.onFrame = (type, streamId) => {
        // The gateway raises its connection's window at once.
        if (type !== Type.WINDOW_UPDATE || streamId !== 0) return;
        peer.data(1, left);
        left = 0;
      };
    },
  },
  'max-concurrent': {
    about: 'the backend allows one stream at a time and never answers it',
    verdict: 'MAX_CONCURRENT',
    stream: 3,
    backend: onlyFirst(peer => void peer.settings([Setting.MAX_CONCURRENT_STREAMS, 1])),
    client: getTwo,
  },
  'goaway-drain': {
    about: 'the backend says GOAWAY while it still serves a stream, and no other connection comes about',
    verdict: 'GOAWAY_DRAIN',
    stream: 3,
    backend: onlyFirst(answering((peer, streamId) => peer.headers(streamId, ok).goAway(streamId))),
    client: getTwo,
  },
  connecting: {
    about: 'the backend accepts connections and never speaks HTTP/2 on them',
    verdict: 'CONNECTING',
    stream: 1,
    backend: () => {},
    client: getOne,
  },
  'header-block-open': {
    about: 'the backend begins a field section and does not finish it',
    verdict: 'HEADER_BLOCK_OPEN',
    stream: 1,
    backend: answering((peer, streamId) => peer.headers(streamId, ok, 0)),
    client: getOne,
  },
  'awaiting-trailers': {
    about: 'the backend sends all of the body and owes the trailers',
    verdict: 'AWAITING_TRAILERS',
    stream: 1,
    backend: answering((peer, streamId) =>
      peer
        .headers(streamId, [...ok, ['content-type', 'application/grpc'], ['trailer', 'grpc-status']], Flag.END_HEADERS)
        .data(streamId, 105),
    ),
    client: getOne,
  },
};
