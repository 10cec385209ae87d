/**
 * Spans to an OpenTelemetry collector, as OTLP/HTTP with JSON. A request only draws its numbers and leaves its record in a
 * queue when it is over; batches are made and sent by a timer. A queue that is full drops the newest, counted; a batch that
 * cannot be delivered is given up, counted.
 */
import { randomFillSync } from 'node:crypto';
import { type ClientRequest, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { FieldList } from '@glassway/h2-core';
import type { ExchangeRecord, RecordSink } from '../exchange/record.ts';
import type { Logger } from '../log.ts';
import { VERSION } from '../version.ts';
import { type Family, family } from './families.ts';
import { readParent, type SpanContext } from './trace-context.ts';

/** What a tracer is made with. */
export interface TracerOptions {
  /** Where spans go: `http://127.0.0.1:4318/v1/traces`. */
  readonly endpoint: string;
  /** Percent of the requests whose caller has not decided. Range 0..100. */
  readonly samplePercent: number;
  /** Spans that wait at most. Default 4096. */
  readonly maxQueued?: number;
  /** Between two batches, ms. Default 1000. */
  readonly intervalMs?: number;
}

const BATCH = 512;
const SEND_TIMEOUT_MS = 5000;
const SERVER = 2;
const ERROR = 2;
/** Random octets are drawn for many spans at once. */
const POOL_BYTES = 4096;

/** Makes span contexts, keeps finished spans and sends them. */
export class Tracer implements RecordSink {
  readonly #options: TracerOptions;
  readonly #logger: Logger;
  readonly #maxQueued: number;
  readonly #timer: NodeJS.Timeout;
  readonly #pool = Buffer.alloc(POOL_BYTES);
  #poolAt = POOL_BYTES;
  #queue: ExchangeRecord[] = [];
  #sending: Promise<void> | null = null;
  #failing = false;
  #exported = 0;
  #dropped = 0;
  #failed = 0;

  constructor(options: TracerOptions, logger: Logger) {
    this.#options = options;
    this.#logger = logger;
    this.#maxQueued = options.maxQueued ?? 4096;
    this.#timer = setInterval(() => void this.#flush(), options.intervalMs ?? 1000).unref();
  }

  /** A request's place in its trace: under the caller's span, or a trace of its own. */
  begin(fields: FieldList): SpanContext {
    const parent = readParent(fields);
    const spanId = this.#hex(8);
    if (parent !== null) return { ...parent, spanId };
    const sampled = Math.random() * 100 < this.#options.samplePercent;
    return { traceId: this.#hex(16), spanId, parentId: '', sampled };
  }

  write(record: ExchangeRecord): void {
    if (record.span?.sampled !== true) return;
    if (this.#queue.length >= this.#maxQueued) this.#dropped++;
    else this.#queue.push(record);
  }

  event(): void {
    // What is done to a connection is no part of a request's trace.
  }

  /** Spans by what became of them. */
  families(): Family[] {
    return [
      family(
        'glassway_spans_total',
        'counter',
        'Spans exported, dropped for want of room, or given up by the exporter.',
        [
          [{ outcome: 'exported' }, this.#exported],
          [{ outcome: 'dropped' }, this.#dropped],
          [{ outcome: 'failed' }, this.#failed],
        ],
      ),
    ];
  }

  /** Sends what is left; a collector that does not answer is not waited for longer than a batch. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#flush();
    if (this.#queue.length > 0) await this.#flush();
  }

  #flush(): Promise<void> {
    this.#sending ??= this.#sendAll().finally(() => {
      this.#sending = null;
    });
    return this.#sending;
  }

  async #sendAll(): Promise<void> {
    while (this.#queue.length > 0) {
      const batch = this.#queue.splice(0, BATCH);
      const problem = await this.#post(JSON.stringify(toOtlp(batch)));
      if (problem === null) {
        this.#exported += batch.length;
        if (this.#failing) this.#logger.warn('spans reach the collector again');
        this.#failing = false;
        continue;
      }
      this.#failed += batch.length;
      if (!this.#failing) {
        this.#logger.warn(
          `spans cannot be sent to ${this.#options.endpoint} (${problem}); requests go on, spans are lost`,
        );
      }
      this.#failing = true;
      // The rest waits for the next time, up to the limit of the queue.
      return;
    }
  }

  /** Null: delivered. */
  #post(body: string): Promise<string | null> {
    const { endpoint } = this.#options;
    const send = endpoint.startsWith('https:') ? requestHttps : requestHttp;
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    return new Promise(resolve => {
      const sent: ClientRequest = send(endpoint, { method: 'POST', headers, timeout: SEND_TIMEOUT_MS }, response => {
        response.resume();
        const { statusCode = 0 } = response;
        resolve(statusCode >= 200 && statusCode < 300 ? null : `it answers ${statusCode}`);
      });
      sent.on('timeout', () => sent.destroy(new Error('no answer in time')));
      sent.on('error', error => resolve(error.message));
      sent.end(body);
    });
  }

  #hex(bytes: number): string {
    if (this.#poolAt + bytes > POOL_BYTES) {
      randomFillSync(this.#pool);
      this.#poolAt = 0;
    }
    this.#poolAt += bytes;
    return this.#pool.toString('hex', this.#poolAt - bytes, this.#poolAt);
  }
}

type Attribute = {
  readonly key: string;
  readonly value: { readonly stringValue: string } | { readonly intValue: string };
};

function attribute(key: string, value: string | number): Attribute {
  return { key, value: typeof value === 'number' ? { intValue: String(value) } : { stringValue: value } };
}

function toOtlp(records: readonly ExchangeRecord[]): object {
  const resource = { attributes: [attribute('service.name', 'glassway'), attribute('service.version', VERSION)] };
  const scope = { name: 'glassway', version: VERSION };
  return { resourceSpans: [{ resource, scopeSpans: [{ scope, spans: records.map(toSpan) }] }] };
}

function toSpan(record: ExchangeRecord): object {
  const { span, client, request, reason, status } = record;
  const { traceId, spanId, parentId } = span!;
  // The query may hold secrets; the log of those who want it has it.
  const [path] = request.path.split('?', 1);
  const attributes = [
    attribute('http.request.method', request.method),
    attribute('url.scheme', request.scheme),
    attribute('url.path', path!),
    attribute('server.address', request.authority),
    attribute('client.address', client.address),
    attribute('network.protocol.version', client.protocol.startsWith('h2') ? '2' : client.protocol.slice(5)),
    attribute('glassway.connection', client.connectionId),
    attribute('glassway.stream', client.streamId),
    attribute('glassway.attempts', record.attempts),
    attribute('http.request.body.size', record.bytesUp),
    attribute('http.response.body.size', record.bytesDown),
  ];
  if (status !== 0) attributes.push(attribute('http.response.status_code', status));
  if (record.backend !== '') attributes.push(attribute('glassway.backend', record.backend));
  if (reason !== null) {
    attributes.push(attribute('error.type', reason.code), attribute('glassway.rule', reason.rule));
  }
  const failed = status === 0 || status >= 500;
  const events = [
    { at: record.assignedAt, name: 'backend connection' },
    { at: record.firstByteAt, name: 'response head' },
  ];
  return {
    traceId,
    spanId,
    ...(parentId === '' ? {} : { parentSpanId: parentId }),
    name: request.method,
    kind: SERVER,
    startTimeUnixNano: unixNano(record.startedAt),
    endTimeUnixNano: unixNano(record.finishedAt),
    attributes,
    events: events.filter(({ at }) => at >= 0).map(({ at, name }) => ({ timeUnixNano: unixNano(at), name })),
    status: failed ? { code: ERROR, ...(reason === null ? {} : { message: reason.text }) } : {},
  };
}

/** Milliseconds of `performance.now` as nanoseconds since 1970, which JSON numbers cannot hold. */
function unixNano(ms: number): string {
  return String(BigInt(Math.round((performance.timeOrigin + ms) * 1000)) * 1000n);
}
