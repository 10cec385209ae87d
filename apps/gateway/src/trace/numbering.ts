/**
 * Numbers of connections and field sections that no other worker of the same gateway gives, so that one inspector can show
 * all of them and a line in a log names one connection only. Worker k of N counts k, k + N, k + 2N and so on; whoever
 * replaces a worker that died goes on behind the numbers that one had reserved.
 */
import { CONNECTION_MASK } from '@glassway/inspector-protocol';

/** A worker's place among the numbers. */
export interface Numbering {
  /** Number of this process among the workers, from 1. */
  readonly worker: number;
  /** How many workers there are. */
  readonly workers: number;
  /** Connections up to this number may have been given by those that were in this place before. */
  readonly after: number;
  /** How many those were. */
  readonly incarnation: number;
}

/** The numbers of a gateway of one process: 1, 2, 3. */
export const ONLY_PROCESS: Numbering = { worker: 1, workers: 1, after: 0, incarnation: 0 };

/** Connections that are reserved at a time; half of them may be given before anybody must have heard of it. */
const RESERVED = 4096;
const HALF = RESERVED / 2;
const MAX_SECTION = 0xffff_ffff;
/** 2^32 divided by the golden ratio: multiples of it, modulo 2^32, lie far apart. */
const FAR_APART = 0x9e37_79b1;

/** Numbers of connections. They begin again after 2^30. */
export class ConnectionNumbers {
  readonly #first: number;
  readonly #step: number;
  readonly #reserve: (upTo: number) => void;
  #next: number;
  // From here on more numbers are reserved, and up to here at most all of them are.
  #reserveAt = 0;

  /**
   * `reserve` hears up to where numbers may be given, long before they are: what it says must reach whoever starts the
   * successor, and this process may end at any moment.
   */
  constructor({ worker, workers, after }: Numbering = ONLY_PROCESS, reserve: (upTo: number) => void = () => {}) {
    this.#first = worker;
    this.#step = workers;
    this.#reserve = reserve;
    const given = Math.max(0, Math.ceil((after - worker + 1) / workers));
    const next = worker + given * workers;
    this.#next = next > CONNECTION_MASK ? worker : next;
    this.#reserveMore();
  }

  /** The next number. */
  next(): number {
    const number = this.#next;
    this.#next = number + this.#step > CONNECTION_MASK ? this.#first : number + this.#step;
    if (number >= this.#reserveAt || this.#next < number) this.#reserveMore();
    return number;
  }

  #reserveMore(): void {
    this.#reserveAt = this.#next + HALF * this.#step;
    this.#reserve(this.#next + RESERVED * this.#step);
  }
}

/** Numbers of field sections: u32, never 0. They begin again at the end; a successor begins far from where others were. */
export class SectionNumbers {
  private readonly first: number;
  private readonly step: number;
  private last: number;

  constructor({ worker, workers, incarnation }: Numbering = ONLY_PROCESS) {
    this.first = worker;
    this.step = workers;
    const offset = Math.imul(incarnation, FAR_APART) >>> 0;
    this.last = worker - workers + offset - (offset % workers);
  }

  /** The next number. */
  next(): number {
    const number = this.last + this.step;
    this.last = number > MAX_SECTION ? this.first : number;
    return this.last;
  }
}
