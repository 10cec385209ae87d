/** One direction of a connection, for its recorder. */
import { TableStrings } from './table-strings.ts';

/**
 * What is known of it: numbers in one object instead of arrays by direction, for every object more is one more wait for
 * memory on each of a busy gateway's connections, which do not stay in the processor's cache.
 */
export class Way {
  /** What frame records say of connection, leg and direction. */
  readonly word: number;
  /** Number of the section whose HEADERS frame is still to come, 0: none. */
  section = 0;
  /** That section holds something redacted. */
  redacted = false;
  /** Number for the section whose HEADERS frame was told, because CONTINUATION frames follow; 0: none. */
  continued = 0;
  /** Octets told of the data of the DATA frame under way. */
  dataAt = 0;
  readonly table: TableStrings = new TableStrings();

  constructor(word: number) {
    this.word = word;
  }
}
