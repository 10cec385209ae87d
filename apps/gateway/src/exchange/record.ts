import type { SpanContext } from '../telemetry/trace-context.ts';
import type { ClientFacts, RequestMessage } from './legs.ts';
import type { Reason } from './reason.ts';

/** What is known about one exchange; complete when it is written to the access log. Times in ms, monotonic. */
export class ExchangeRecord {
  readonly client: ClientFacts;
  /** The request as the client sent it. */
  readonly request: RequestMessage;
  readonly startedAt: number;
  /** When a backend connection was found; -1: never. */
  assignedAt = -1;
  /** When the final response's head came (or was made by the gateway); -1: never. */
  firstByteAt = -1;
  finishedAt = -1;
  /** Status sent to the client; 0: none was. */
  status = 0;
  /** URL of the backend tried last, empty when none was. */
  backend = '';
  /** How often the request was sent. */
  attempts = 0;
  /** Body octets from the client. */
  bytesUp = 0;
  /** Body octets to the client. */
  bytesDown = 0;
  /** Why the gateway answered or cut off by itself, or the client gave up; null: an ordinary exchange. */
  reason: Reason | null = null;
  /** Its place in a trace; null: nobody traces. */
  span: SpanContext | null = null;

  constructor(client: ClientFacts, request: RequestMessage, startedAt: number) {
    this.client = client;
    this.request = request;
    this.startedAt = startedAt;
  }
}

/** Something the gateway did on a client's connection that belongs to no request it knows. */
export interface ConnectionEvent {
  /** GOAWAY, RST_STREAM (of a stream that never became a request), or an answer to octets that are no request. */
  readonly what: 'goaway' | 'reset' | 'response';
  /** `streamId` is 0 for the connection as a whole. */
  readonly client: ClientFacts;
  readonly reason: Reason;
}

/** Where finished exchanges go. Must not block or throw. */
export interface RecordSink {
  write(record: ExchangeRecord): void;
  event(event: ConnectionEvent): void;
}

/** Keeps nothing. */
export const NO_RECORDS: RecordSink = { write: () => {}, event: () => {} };

/** A request that a listener refused: it never reached a route. `status` 0: it was reset. */
export function refusedRecord(
  client: ClientFacts,
  request: RequestMessage,
  why: Reason,
  status: number,
): ExchangeRecord {
  const now = performance.now();
  const record = new ExchangeRecord(client, request, now);
  record.finishedAt = now;
  record.status = status;
  if (status !== 0) record.firstByteAt = now;
  record.reason = why;
  return record;
}
