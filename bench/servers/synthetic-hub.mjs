/**
 * An inspector without a gateway: the real admin listener and page, and behind them a hub that makes frames up at an exact
 * rate. Every eight frames are a request with its response: HEADERS, HEADERS, six of DATA; sections, events and state go
 * with them as a gateway tells them.
 *
 * RATE: frames per second; SECONDS: how long, from the first subscription on. Prints the address to open, and in the end
 * how many frames were produced. A viewer that has no credit left goes without, and is told.
 */
import {
  connectionWord,
  EventCode,
  EventsEncoder,
  emptyConnectionState,
  emptyStreamFacts,
  emptyStreamState,
  encodeMessage,
  FieldsEncoder,
  FRAMES_HEADER_BYTES,
  FrameType,
  Mark,
  PROTOCOL_VERSION,
  parseClientMessage,
  RECORD_BYTES,
  RecordWriter,
  TYPE_BUCKETS,
  writeFramesHeader,
} from '@glassway/inspector-protocol';

// Nothing that a package offers: taken out of the gateway's build, as the gateway itself is started from it.
const { AdminServer } = await import(new URL('../../apps/gateway/dist/admin/server.js', import.meta.url).href);

const RATE = Number(process.env.RATE);
const SECONDS = Number(process.env.SECONDS);
const TOKEN = 'benchmark-0123456789-abcdef';
const CONNECTIONS = 20;
const PER_EXCHANGE = 8;
const TICK_MS = 16;
const STATE_MS = 100;
/** Closed streams told per state, as a hub under load does. */
const TOLD_PER_STATE = 200;
const CREDIT = 2 * 1024 * 1024;
const MAX_BATCH = 800;
/** Frames that wait for credit before they are given up. */
const MAX_LAG = 65_536;

const field = (name, value, representation = 0) => ({
  name,
  value,
  representation,
  index: 62,
  wireBytes: 1,
  valueBytes: value.length,
  redacted: null,
});
const REQUESTS = Array.from({ length: 32 }, (_, i) => [
  field(':method', 'GET'),
  field(':scheme', 'https'),
  field(':authority', 'localhost:8443'),
  field(':path', `/item/${i}`),
  field('user-agent', 'synthetic'),
]);
const RESPONSE = [field(':status', '200'), field('content-type', 'text/plain'), field('content-length', '98304')];

class SyntheticHub {
  viewers = 0;
  #port = null;
  #began = 0;
  #timers = [];
  #frames = 0;
  #sent = 0;
  #fields = 0;
  #events = 0;
  #dropped = 0;
  #outstanding = [];
  #bytes = 0;
  #fieldsEncoder = new FieldsEncoder();
  #eventsEncoder = new EventsEncoder();
  #told = 0;
  #done = false;

  attach(port) {
    this.viewers++;
    this.#port = port;
    const hello = { type: 'hello', version: PROTOCOL_VERSION, recordBytes: RECORD_BYTES, gateway: 'synthetic' };
    const rest = { name: 'synthetic', release: '0.0.0', epochMs: Date.now(), now: 0, revealed: false };
    port.send(encodeMessage({ ...hello, ...rest, ringRecords: 1 << 20, creditBytes: CREDIT }));
    return { receive: text => this.#receive(parseClientMessage(text)) };
  }

  detach() {
    this.viewers--;
    for (const timer of this.#timers) clearInterval(timer);
  }

  #receive(message) {
    if (message.type === 'ack') this.#acknowledge(message);
    else if (message.type === 'subscribe' && this.#began === 0) this.#begin(message.id);
  }

  #acknowledge(ack) {
    this.#outstanding = this.#outstanding.filter(({ log, to, bytes }) => {
      const done = ack[log] !== undefined && to <= ack[log];
      if (done) this.#bytes -= bytes;
      return !done;
    });
  }

  #begin(id) {
    this.#began = performance.now();
    const head = { frames: 0, fields: 0, events: 0, payloads: 0 };
    const rows = { ...this.#rows(0), connections: Array.from({ length: CONNECTIONS }, (_, i) => facts(i + 1)) };
    this.#port.send(encodeMessage({ type: 'snapshot', id, now: 0, from: head, head, before: [], rows }));
    this.#timers = [setInterval(() => this.#tick(), TICK_MS), setInterval(() => this.#tellState(), STATE_MS)];
  }

  get #now() {
    return Math.floor((performance.now() - this.#began) * 1000);
  }

  #tick() {
    const elapsed = Math.min((performance.now() - this.#began) / 1000, SECONDS);
    const due = Math.floor((elapsed * RATE) / PER_EXCHANGE) * PER_EXCHANGE;
    while (this.#frames < due) this.#exchange(this.#frames / PER_EXCHANGE);
    if (this.#frames - this.#sent > MAX_LAG) this.#skip();
    while (this.#sent < this.#frames && this.#bytes < CREDIT) this.#sendFrames();
    if (this.#fieldsEncoder.count > 0) this.#sendLog('fields', this.#fieldsEncoder);
    if (this.#eventsEncoder.count > 0) this.#sendLog('events', this.#eventsEncoder);
    if (elapsed < SECONDS || this.#done || this.#sent < this.#frames) return;
    this.#done = true;
    console.log(`produced ${this.#frames} dropped ${this.#dropped}`);
  }

  /** Counts one exchange's frames in and writes its sections and events; the frames are written when they are sent. */
  #exchange(number) {
    const connection = 1 + (number % CONNECTIONS);
    const stream = streamOf(number);
    const t = this.#now;
    const request = REQUESTS[number % REQUESTS.length];
    this.#fieldsEncoder.addParts(t, 2 * number + 1, connection, stream, 0, 0, 40, 0, request);
    this.#fieldsEncoder.addParts(t, 2 * number + 2, connection, stream, 1, 1, 20, 0, RESPONSE);
    this.#eventsEncoder.addNumbers(EventCode.STREAM_STATE, t, this.#frames, connection, stream, 0, 5);
    this.#frames += PER_EXCHANGE;
    this.#eventsEncoder.addNumbers(EventCode.STREAM_STATE, t, this.#frames, connection, stream, 5, 6);
  }

  #sendFrames() {
    const from = this.#sent;
    const count = Math.min(MAX_BATCH, this.#frames - from);
    const bytes = new Uint8Array(FRAMES_HEADER_BYTES + count * RECORD_BYTES);
    writeFramesHeader(bytes, count, from, from + count);
    const records = new RecordWriter(bytes.buffer, FRAMES_HEADER_BYTES, count);
    const t = this.#now;
    for (let i = 0; i < count; i++) {
      const position = from + i;
      const number = Math.floor(position / PER_EXCHANGE);
      const place = position % PER_EXCHANGE;
      const head = place < 2;
      const word = connectionWord(1 + (number % CONNECTIONS), 0, place === 0 ? 0 : 1);
      const section = head ? 2 * number + 1 + place : 0;
      const type = head ? FrameType.HEADERS : FrameType.DATA;
      const flags = place === 0 ? 5 : place === 1 ? 4 : place === 7 ? 1 : 0;
      const mark = head ? Mark.SECTION : 0;
      const length = head ? 40 : 16_384;
      records.write(
        i,
        t,
        position,
        word,
        streamOf(number),
        length,
        type,
        flags,
        mark,
        section,
        65_535,
        65_535,
        section,
      );
    }
    this.#send('frames', bytes, from + count);
    this.#sent = from + count;
  }

  #skip() {
    const count = this.#frames - this.#sent;
    this.#drop('frames', this.#sent, this.#frames, count);
    this.#sent = this.#frames;
    this.#dropped += count;
  }

  #sendLog(log, encoder) {
    const from = log === 'fields' ? this.#fields : this.#events;
    const to = from + encoder.count;
    if (log === 'fields') this.#fields = to;
    else this.#events = to;
    const message = encoder.finish(from, to);
    if (this.#bytes < CREDIT) this.#send(log, message, to);
    else this.#drop(log, from, to, to - from);
  }

  #drop(log, from, to, count) {
    this.#port.send(encodeMessage({ type: 'dropped', log, cause: 'credit', from, to, count, counts: [] }));
  }

  #send(log, bytes, to) {
    this.#port.send(bytes);
    this.#outstanding.push({ log, to, bytes: bytes.length });
    this.#bytes += bytes.length;
  }

  #tellState() {
    const head = { frames: this.#frames, fields: this.#fields, events: this.#events, payloads: 0 };
    const rows = { ...this.#rows(this.#now), connections: [] };
    this.#port.send(encodeMessage({ type: 'state', now: this.#now, head, reset: false, rows }));
  }

  #rows(now) {
    const exchanges = this.#frames / PER_EXCHANGE;
    const streams = [];
    const streamStates = [];
    for (let number = Math.max(this.#told, exchanges - TOLD_PER_STATE); number < exchanges; number++) {
      const connection = 1 + (number % CONNECTIONS);
      const stream = streamOf(number);
      const path = `/item/${number % REQUESTS.length}`;
      const known = { method: 'GET', scheme: 'https', authority: 'localhost:8443', path, status: 200 };
      streams.push({ ...emptyStreamFacts(connection, stream), ...known });
      streamStates.push({ ...emptyStreamState(connection, stream, now), state: 6, bytesSent: 98_304, closedAt: now });
    }
    this.#told = exchanges;
    const connectionStates = Array.from({ length: CONNECTIONS }, (_, i) => {
      const frames = new Array(2 * TYPE_BUCKETS).fill(0);
      const own = Math.floor((exchanges + CONNECTIONS - 1 - i) / CONNECTIONS);
      frames[FrameType.HEADERS] = own;
      frames[TYPE_BUCKETS + FrameType.HEADERS] = own;
      frames[TYPE_BUCKETS + FrameType.DATA] = 6 * own;
      return { ...emptyConnectionState(i + 1, 0), frames, totalStreams: own, lastActivityAt: now };
    });
    return { backends: [], connectionStates, streams, streamStates, forgottenConnections: [], forgottenStreams: [] };
  }
}

function streamOf(number) {
  return 2 * Math.floor(number / CONNECTIONS) + 1;
}

function facts(id) {
  return {
    id,
    leg: 0,
    protocol: 'h2',
    negotiation: 'alpn',
    peer: `127.0.0.1:${50_000 + id}`,
    local: '127.0.0.1:8443',
    tls: null,
    openedAt: 0,
    closedAt: -1,
    closeReason: null,
    settings: { sent: [], acked: [], received: [] },
    goAwaySent: null,
    goAwayReceived: null,
    tableMax: { received: 4096, sent: 4096 },
  };
}

const staticRoot = new URL('../../apps/inspector/dist/', import.meta.url).pathname;
const server = new AdminServer(new SyntheticHub(), { host: '127.0.0.1', port: 0, token: TOKEN, staticRoot });
const port = await server.listen();
console.log(`inspector http://127.0.0.1:${port}/#token=${TOKEN}`);
