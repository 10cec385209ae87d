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

  constructor(client: ClientFacts, request: RequestMessage, startedAt: number) {
    this.client = client;
    this.request = request;
    this.startedAt = startedAt;
  }
}

/** Where finished exchanges go. Must not block or throw. */
export interface RecordSink {
  write(record: ExchangeRecord): void;
}
