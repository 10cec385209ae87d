import { formatAddress } from '../config/address.ts';
import type { ExchangeRecord } from './record.ts';

/** One request under way, for the admin API and for whoever waits for it to end. */
export interface ExchangeState {
  readonly connection: number;
  readonly stream: number;
  /** Client as `address:port`. */
  readonly client: string;
  readonly protocol: string;
  readonly method: string;
  readonly url: string;
  /** Empty while none was tried. */
  readonly backend: string;
  readonly ageMs: number;
  /** What it waits for, in words. */
  readonly waits: string;
  /** Body octets so far. */
  readonly bytesUp: number;
  readonly bytesDown: number;
}

/** The state of the exchange with this record. `now`: on the record's clock. */
export function stateOf(record: ExchangeRecord, now: number, waits: string): ExchangeState {
  const { client, request, startedAt, backend, bytesUp, bytesDown } = record;
  const { address, port, protocol, connectionId: connection, streamId: stream } = client;
  const { method, scheme, authority, path } = request;
  const url = `${scheme}://${authority}${path}`;
  const from = address === '' ? 'unix' : formatAddress({ host: address, port });
  const ageMs = now - startedAt;
  return { connection, stream, client: from, protocol, method, url, backend, ageMs, waits, bytesUp, bytesDown };
}
