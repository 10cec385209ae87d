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
