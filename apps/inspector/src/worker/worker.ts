/** Entry of the Web Worker: joins the link, the feed and the page. */
import { parseFilter, selectionOf } from '@glassway/inspector-protocol';
import { type FromWorker, type Look, NOTHING, type Snapshot, type ToWorker } from '../feed/model.ts';
import { BACKLOG, Feed } from './feed.ts';
import { Link, type Socket } from './link.ts';

/* The page repaints ten times a second at most by itself; what the user asks for is answered at once. */
const TICK_MS = 100;
/* A fraction of the credit that gateways give. */
const TABLES_MS = 1000;
/* The strip of the past has a part for a 240th of minutes: seldom is often enough. */
const PAST_MS = 500;
const ACK_BYTES = 256 * 1024;

const feed = new Feed(() => performance.now());
let subscription = 0;
let seen: Look = NOTHING;
let live = false;
let asked = '';
let chartDue = 0;
let unacknowledged = 0;
let tablesDue = 0;
let pastDue = 0;
let changed = true;
/* The subscription was answered: what comes is its own, not the one's before. */
let answered = false;
/* A filter that the gateway did not understand. */
let refused = '';

const link = new Link(
  {
    open: (url, subprotocol) => new WebSocket(url, subprotocol) as unknown as Socket,
    now: () => Date.now(),
    random: () => Math.random(),
    setTimer: (call, ms) => self.setTimeout(call, ms),
    clearTimer: id => self.clearTimeout(id),
  },
  {
    onState: state => {
      live = state.kind === 'live';
      if (!live) feed.stop();
      post({ link: state });
    },
    onHello: hello => {
      feed.greet(hello);
      subscribe();
    },
    onFrames: message => {
      if (!answered) return;
      feed.frames(message);
      took(message.byteLength);
    },
    onLog: (message, bytes) => {
      if (!answered) return;
      feed.take(message);
      took(bytes);
    },
    onPayloads: message => {
      if (!answered) return;
      feed.payloads(message);
      took(message.byteLength);
    },
    onMessage: message => {
      // What an earlier subscription still had under way must not be taken for this one's.
      if (message.type === 'snapshot') {
        if (message.id !== subscription) return;
        answered = true;
      } else if (!answered && message.type === 'reply' && message.what === 'error' && message.id === subscription) {
        failed('The gateway sends all frames', new Error(message.message));
        refused = seen.only;
        subscribe();
      }
      if (!answered) return;
      feed.take(message);
      changed = true;
    },
  },
);

/* Fields and events are wanted of everything: they are few, and the tables live on them. */
function subscribe(): void {
  subscription++;
  asked = '';
  answered = false;
  const only = seen.only === refused ? '' : seen.only;
  link.send({
    type: 'subscribe',
    id: subscription,
    frames: {},
    ...(only === '' ? {} : { filter: only }),
    fields: {},
    events: true,
    payloads: only === '' ? {} : selectionOf(parseFilter(only)),
    backlog: BACKLOG,
  });
  changed = true;
}

function post(parts: Partial<Snapshot>): void {
  const message: FromWorker = { parts };
  self.postMessage(message);
}

function paint(): void {
  const now = performance.now();
  // Under heavy traffic the chart reads very many frames: it may take a tenth of this thread's time, not more.
  const chart = now >= chartDue ? { ...feed.windows(), ...feed.timeline() } : {};
  if (now >= chartDue) chartDue = now + 9 * (performance.now() - now);
  const past = now >= pastDue ? feed.past() : {};
  if (now >= pastDue) pastDue = now + PAST_MS;
  post({ ...feed.status(), ...feed.state(), ...feed.grids(), ...chart, ...feed.hpack(), ...past });
}

/* While somebody scrolls, looks come with every animation frame; only what they change is made anew. */
function show(look: Look): void {
  const differs = (...keys: readonly (keyof Look)[]): boolean =>
    keys.some(key => JSON.stringify(look[key]) !== JSON.stringify(seen[key]));
  const state = differs('connection', 'streams', 'stream', 'message', 'at');
  const grids = differs('connection', 'frames', 'frame', 'paused', 'at');
  const windows = differs('connection', 'windows', 'paused', 'at');
  const timeline = differs('connection', 'timeline', 'paused', 'at');
  const found = differs('find', 'at');
  const hpack = differs('connection', 'hpack', 'hpackStep', 'at');
  if (differs('connection', 'hpack')) tablesDue = 0;
  const narrower = differs('only');
  seen = look;
  feed.look(look);
  if (narrower && live && subscription > 0) {
    feed.resubscribe();
    subscribe();
  }
  askMissing();
  askTables();
  post({
    ...(hpack ? feed.hpack() : {}),
    ...(state ? feed.state() : {}),
    ...(grids ? feed.grids() : {}),
    ...(windows ? feed.windows() : {}),
    ...(timeline ? feed.timeline() : {}),
    ...(found ? feed.found() : {}),
  });
}

/* Tables are asked for, not told: once a second while somebody looks. The question's id is the connection's number. */
function askTables(): void {
  const connection = feed.wantedTables();
  if (connection === null || !live || seen.paused || performance.now() < tablesDue) return;
  tablesDue = performance.now() + TABLES_MS;
  link.send({ type: 'get', id: connection, what: 'tables', connection });
}

function acknowledge(): void {
  unacknowledged = 0;
  const acks = feed.acknowledge();
  if (acks !== null) link.send({ type: 'ack', ...acks });
}

function took(bytes: number): void {
  unacknowledged += bytes;
  // In a hidden tab the timer below may be slowed down; the gateway must not take that for a slow page.
  if (unacknowledged > ACK_BYTES) acknowledge();
  changed = true;
}

function askMissing(): void {
  const missing = feed.missingSections();
  if (missing === null || !live) return;
  const key = `${missing.connection}/${missing.stream}`;
  if (key === asked) return;
  asked = key;
  link.send({ type: 'get', id: 1, what: 'sections', ...missing });
}

function failed(what: string, error: unknown): void {
  self.postMessage({ problem: `${what}: ${(error as Error).message}` } satisfies FromWorker);
}

/* Made in one go, so a log of a million frames may ask for more memory than there is. */
function keep(message: Extract<ToWorker, { readonly kind: 'keep' }>): void {
  try {
    const file = feed.keep(message.format, message.filter, message.content);
    if (file === null) throw new Error('nothing was heard of the gateway yet');
    self.postMessage({ file } satisfies FromWorker, { transfer: [file.bytes.buffer as ArrayBuffer] });
  } catch (error) {
    failed('The file cannot be made', error);
  }
}

/* From now on the recording is what there is; the gateway is let go. */
function open(file: ArrayBuffer): void {
  try {
    const { frames } = feed.load(new Uint8Array(file), share =>
      self.postMessage({ progress: share } satisfies FromWorker),
    );
    self.postMessage({ opened: { frames, kept: feed.log.size } } satisfies FromWorker);
  } catch (error) {
    failed('This file cannot be opened', error);
    return;
  }
  link.stop();
  live = false;
  post({ link: { kind: 'live' } });
  pastDue = 0;
  paint();
}

self.onmessage = (event: MessageEvent<ToWorker>): void => {
  const message = event.data;
  switch (message.kind) {
    case 'start':
      link.start(message.url, message.token);
      return;
    case 'retry':
      link.retry();
      return;
    case 'clear':
      feed.clear();
      pastDue = 0;
      paint();
      return;
    case 'keep':
      keep(message);
      return;
    case 'text':
      self.postMessage({ text: feed.text(message.ranges) } satisfies FromWorker);
      return;
    case 'open':
      open(message.file);
      return;
    case 'look':
      show(message.look);
  }
};

self.setInterval(() => {
  acknowledge();
  askTables();
  // Somebody drags through the past faster than moments can be made: this is where the hand has come to rest.
  if (!feed.settled) paint();
  else if (seen.paused) post(feed.status());
  // Ages and stalls grow while nothing comes in, so a live page is painted anyway, only less often.
  else if (changed || (live && subscription > 0)) paint();
  changed = false;
}, TICK_MS);
