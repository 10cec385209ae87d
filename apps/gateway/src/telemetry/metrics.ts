/**
 * Counts finished requests. Called once per request: a few additions to typed arrays and one look into a map. Labels,
 * names and text are made when somebody asks for the metrics.
 */

import type { Reason } from '../exchange/reason.ts';
import type { ConnectionEvent, ExchangeRecord, RecordSink } from '../exchange/record.ts';
import { type Family, family, type Sample } from './families.ts';

const PROTOCOLS = ['h2', 'h2c', 'h2c-upgrade', 'http/1.1', 'http/1.0'] as const;
/** By the first digit of the status; 0: no response was begun. */
const CLASSES = ['none', '1xx', '2xx', '3xx', '4xx', '5xx'] as const;
/** Upper bounds in milliseconds; the last bucket has none. */
const BOUNDS_MS: readonly number[] = [0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000];

/** Times, in buckets. */
class Histogram {
  readonly #buckets = new Float64Array(BOUNDS_MS.length + 1);
  #sumMs = 0;

  observe(ms: number): void {
    let i = 0;
    while (i < BOUNDS_MS.length && ms > BOUNDS_MS[i]!) i++;
    this.#buckets[i]! += 1;
    this.#sumMs += ms;
  }

  family(name: string, help: string): Family {
    const samples: Sample[] = [];
    let count = 0;
    for (let i = 0; i <= BOUNDS_MS.length; i++) {
      count += this.#buckets[i]!;
      const le = i === BOUNDS_MS.length ? '+Inf' : String(BOUNDS_MS[i]! / 1000);
      samples.push({ suffix: '_bucket', labels: { le }, value: count });
    }
    samples.push({ suffix: '_sum', labels: {}, value: this.#sumMs / 1000 });
    samples.push({ suffix: '_count', labels: {}, value: count });
    return { name, type: 'histogram', help, samples };
  }
}

/** What is counted of one backend. */
class BackendCounts {
  readonly byClass = new Float64Array(CLASSES.length);
  attempts = 0;
}

/** The counters of one process. */
export class Metrics implements RecordSink {
  readonly #requests = new Float64Array(PROTOCOLS.length * CLASSES.length);
  readonly #duration = new Histogram();
  readonly #queued = new Histogram();
  readonly #firstByte = new Histogram();
  readonly #backends = new Map<string, BackendCounts>();
  /** By code, then by rule. */
  readonly #reasons = new Map<string, Map<string, number>>();
  readonly #events = new Map<string, number>();
  #bytesUp = 0;
  #bytesDown = 0;

  write(record: ExchangeRecord): void {
    const statusClass = classOf(record.status);
    const protocol = PROTOCOLS.indexOf(record.client.protocol);
    this.#requests[protocol * CLASSES.length + statusClass]! += 1;
    this.#duration.observe(record.finishedAt - record.startedAt);
    if (record.firstByteAt >= 0) this.#firstByte.observe(record.firstByteAt - record.startedAt);
    this.#bytesUp += record.bytesUp;
    this.#bytesDown += record.bytesDown;
    if (record.backend !== '') this.#countBackend(record, statusClass);
    if (record.reason !== null) this.#countReason(record.reason);
  }

  event({ what, reason }: ConnectionEvent): void {
    this.#events.set(what, (this.#events.get(what) ?? 0) + 1);
    this.#countReason(reason);
  }

  #countBackend(record: ExchangeRecord, statusClass: number): void {
    let backend = this.#backends.get(record.backend);
    if (backend === undefined) {
      backend = new BackendCounts();
      this.#backends.set(record.backend, backend);
    }
    backend.byClass[statusClass]! += 1;
    backend.attempts += record.attempts;
    if (record.assignedAt >= 0) this.#queued.observe(record.assignedAt - record.startedAt);
  }

  #countReason({ code, rule }: Reason): void {
    let rules = this.#reasons.get(code);
    if (rules === undefined) {
      rules = new Map();
      this.#reasons.set(code, rules);
    }
    rules.set(rule, (rules.get(rule) ?? 0) + 1);
  }

  /** Everything counted so far. */
  families(): Family[] {
    const requests = PROTOCOLS.flatMap((protocol, p) =>
      CLASSES.map((status, c) => [{ protocol, status }, this.#requests[p * CLASSES.length + c]!] as const),
    ).filter(([, value]) => value > 0);
    const backends = [...this.#backends];
    return [
      family(
        'glassway_requests_total',
        'counter',
        'Requests that are over, by protocol and class of status.',
        requests,
      ),
      this.#duration.family(
        'glassway_request_duration_seconds',
        'From the head of a request to the end of its response.',
      ),
      this.#firstByte.family(
        'glassway_request_first_byte_seconds',
        'From the head of a request to that of its response.',
      ),
      this.#queued.family(
        'glassway_request_queue_seconds',
        'From the head of a request to a connection to its backend.',
      ),
      family('glassway_request_body_bytes_total', 'counter', 'Body octets received from clients.', this.#bytesUp),
      family('glassway_response_body_bytes_total', 'counter', 'Body octets sent to clients.', this.#bytesDown),
      family(
        'glassway_backend_requests_total',
        'counter',
        'Requests by the backend tried last and class of the status that the client got.',
        backends.flatMap(([backend, { byClass }]) =>
          CLASSES.map((status, c) => [{ backend, status }, byClass[c]!] as const).filter(([, value]) => value > 0),
        ),
      ),
      family(
        'glassway_backend_attempts_total',
        'counter',
        'How often requests were sent, retries included, by the backend tried last.',
        backends.map(([backend, { attempts }]) => [{ backend }, attempts]),
      ),
      family(
        'glassway_reasons_total',
        'counter',
        'What the gateway answered, reset or gave up by itself, by reason and rule.',
        [...this.#reasons].flatMap(([code, rules]) =>
          [...rules].map(([rule, value]) => [{ reason: code, rule }, value] as const),
        ),
      ),
      family(
        'glassway_connection_events_total',
        'counter',
        'GOAWAY sent, streams reset before they were requests, and answers to what is no request.',
        [...this.#events].map(([what, value]) => [{ what }, value]),
      ),
    ];
  }
}

function classOf(status: number): number {
  return status >= 100 && status < 600 ? Math.floor(status / 100) : 0;
}
