import type { ConnectionEvent, ExchangeRecord, RecordSink } from '../exchange/record.ts';

/** Passes every record to several sinks. */
export class FanOut implements RecordSink {
  readonly #sinks: readonly RecordSink[];

  constructor(sinks: readonly RecordSink[]) {
    this.#sinks = sinks;
  }

  write(record: ExchangeRecord): void {
    for (let i = 0; i < this.#sinks.length; i++) this.#sinks[i]!.write(record);
  }

  event(event: ConnectionEvent): void {
    for (let i = 0; i < this.#sinks.length; i++) this.#sinks[i]!.event(event);
  }
}
