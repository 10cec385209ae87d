/**
 * `--workers N`: the primary process accepts connections and hands them to N workers in turns (node:cluster); each is a
 * whole gateway. A worker that ends by itself is replaced, later and later while it keeps ending.
 */

import cluster, { type Worker } from 'node:cluster';
import { randomBytes } from 'node:crypto';
import type { HubSocket } from '../admin/hub-socket.ts';
import type { MergedInspector } from '../admin/merged-inspector.ts';
import type { ExchangeState } from '../exchange/exchange-state.ts';
import type { ConnectionState } from '../listener/listeners.ts';
import type { Logger } from '../log.ts';
import { type Family, mergeFamilies } from '../telemetry/families.ts';
import { closeUntaken } from './handed.ts';
import type { FromWorker, Listening, Question, ToWorker, WorkerRevision } from './messages.ts';
import { HASH_KEY, placeVariable, TICKET_KEYS, type WorkerListen, type WorkerPlace } from './place.ts';

/** Pause before a worker is replaced; doubled while replacements do not live long. */
const BACK_OFF_MS = 100;
const BACK_OFF_MAX_MS = 10_000;
/** A worker that has lived this long was not ended by what it began with. */
const STABLE_MS = 30_000;
/** A worker that does not answer in time is busy; the others' answers are given. */
const ANSWER_MS = 1000;

/** One place for a worker. */
interface Place {
  readonly number: number;
  worker: Worker | null;
  startedAt: number;
  backOffMs: number;
  restarts: number;
  listening: boolean;
  /** What it had counted when last asked; kept when it ends, so that counters do not go back. */
  counted: readonly Family[];
  /** Connections up to this number may have been given by the workers in this place. */
  reserved: number;
  /** Where the hub of its worker may be looked at; null: nowhere, or not yet. */
  hub: HubSocket | null;
}

/** What workers are started with, besides numbers. */
export interface WorkersOptions extends Pick<WorkerPlace, 'own'> {
  /** The inspector that is to show them; null: off. */
  readonly inspector: Pick<MergedInspector, 'directory' | 'epochNs' | 'join' | 'leave'> | null;
  /** Told when a worker has reloaded its settings, after which it may listen elsewhere. */
  readonly reloaded: (listening: Listening) => void;
}

/** What is known of a worker. */
export interface WorkerState {
  readonly worker: number;
  readonly pid: number;
  readonly listening: boolean;
  readonly restarts: number;
}

/** The workers of one gateway. */
export class Workers {
  readonly #logger: Logger;
  readonly #places: Place[];
  /** A client comes to another worker each time; its session tickets are good with all of them, replacements too. */
  readonly #ticketKeys = randomBytes(48).toString('base64');
  readonly #options: WorkersOptions;
  /** Equal values are told to be equal whichever workers had them. */
  readonly #hashKey = randomBytes(16).toString('base64');
  readonly #answers = new Map<number, (value: unknown) => void>();
  #gone: readonly Family[] = [];
  #asked = 0;
  #listen: WorkerListen | null = null;
  #stopping = false;
  #failed = false;
  #onStarted: ((listening: Listening) => void) | null = null;
  #onNeverStarted: ((code: number) => void) | null = null;
  #onAllGone: () => void = () => {};
  /** True: every worker ended well after `stop`. */
  readonly finished: Promise<boolean> = new Promise(resolve => {
    this.#onAllGone = () => resolve(!this.#failed);
  });

  constructor(count: number, options: WorkersOptions, logger: Logger) {
    this.#logger = logger;
    this.#options = options;
    this.#places = Array.from({ length: count }, (_, i) => ({
      number: i + 1,
      worker: null,
      startedAt: 0,
      backOffMs: BACK_OFF_MS,
      restarts: 0,
      listening: false,
      counted: [],
      reserved: 0,
      hub: null,
    }));
  }

  /**
   * Starts the workers with this process's own arguments: the first, and when that listens all others. Answers where they
   * listen, or the exit code of the first when it cannot.
   */
  start(): Promise<Listening | number> {
    return new Promise(resolve => {
      this.#onNeverStarted = resolve;
      this.#onStarted = listening => {
        this.#onStarted = null;
        this.#onNeverStarted = null;
        for (const place of this.#places.slice(1)) this.#fork(place);
        resolve(listening);
      };
      this.#fork(this.#places[0]!);
    });
  }

  /** True when all workers listen. */
  get areListening(): boolean {
    return this.#places.every(place => place.listening);
  }

  get states(): WorkerState[] {
    return this.#places.map(({ number, worker, listening, restarts }) => ({
      worker: number,
      pid: worker?.process.pid ?? 0,
      listening,
      restarts,
    }));
  }

  /** What each worker has in force, by its number; those that do not answer are missing. */
  async revisions(): Promise<ReadonlyMap<number, WorkerRevision>> {
    const answers = this.#places.map(async place => [place.number, await this.#ask(place, 'revision')] as const);
    const found = (await Promise.all(answers)).filter(([, answer]) => answer !== null);
    return new Map(found as [number, WorkerRevision][]);
  }

  /** Finish what is under way; called again: now. */
  stop(why: string): void {
    this.#stopping = true;
    this.#tellAll({ type: 'stop', why });
    if (this.#places.every(place => place.worker === null)) this.#onAllGone();
  }

  reload(): void {
    this.#tellAll({ type: 'reload' });
  }

  /** What all workers counted, those that are gone included. */
  async metrics(): Promise<Family[]> {
    await Promise.all(
      this.#places.map(async place => {
        place.counted = ((await this.#ask(place, 'metrics')) as Family[] | null) ?? place.counted;
      }),
    );
    const restarts = this.#places.map(({ number, restarts }) => [{ worker: String(number) }, restarts] as const);
    const own: Family = {
      name: 'glassway_worker_restarts_total',
      type: 'counter',
      help: 'Workers that ended by themselves and were replaced.',
      samples: restarts.map(([labels, value]) => ({ suffix: '', labels, value })),
    };
    return [own, ...mergeFamilies([this.#gone, ...this.#places.map(place => place.counted)])];
  }

  async requests(): Promise<(ExchangeState & { worker: number })[]> {
    return (await this.#collect('requests')) as (ExchangeState & { worker: number })[];
  }

  async connections(): Promise<(ConnectionState & { worker: number })[]> {
    return (await this.#collect('connections')) as (ConnectionState & { worker: number })[];
  }

  async #collect(what: Question): Promise<object[]> {
    const lists = this.#places.map(async place => {
      const list = ((await this.#ask(place, what)) as object[] | null) ?? [];
      return list.map(each => ({ worker: place.number, ...each }));
    });
    return (await Promise.all(lists)).flat();
  }

  /** Null: there is no answer (in time). */
  #ask(place: Place, what: Question): Promise<unknown> {
    const { worker } = place;
    if (worker === null || !worker.isConnected()) return Promise.resolve(null);
    const id = ++this.#asked;
    return new Promise(resolve => {
      const settle = (value: unknown): void => {
        clearTimeout(timer);
        this.#answers.delete(id);
        worker.off('exit', onExit);
        resolve(value);
      };
      const onExit = (): void => settle(null);
      const timer = setTimeout(settle, ANSWER_MS, null);
      worker.once('exit', onExit);
      this.#answers.set(id, settle);
      send(worker, { type: 'ask', id, what });
    });
  }

  #tellAll(message: ToWorker): void {
    for (const { worker } of this.#places) if (worker !== null) send(worker, message);
  }

  #fork(place: Place): void {
    if (this.#stopping) return;
    const worker = cluster.fork({
      ...placeVariable(this.#placeOf(place)),
      [TICKET_KEYS]: this.#ticketKeys,
      [HASH_KEY]: this.#hashKey,
    });
    closeUntaken(worker);
    place.worker = worker;
    place.startedAt = performance.now();
    worker.on('message', (message: FromWorker) => {
      switch (message.type) {
        case 'answer':
          this.#answers.get(message.id)?.(message.value);
          return;
        case 'reloaded':
          this.#listen = message.listen;
          this.#options.reloaded(message);
          return;
        case 'reserved':
          place.reserved = message.upTo;
          return;
        case 'listening':
          place.listening = true;
          this.#listen ??= message.listen;
          place.hub = message.hub;
          if (message.hub !== null) this.#options.inspector?.join(place.number, message.hub);
          this.#onStarted?.(message);
          return;
        default:
          message satisfies never;
      }
    });
    // Told again by 'exit'.
    worker.on('error', () => {});
    worker.once('exit', (code, signal) => this.#onExit(place, code, signal));
  }

  #placeOf({ number, restarts, reserved }: Place): WorkerPlace {
    const { own, inspector } = this.#options;
    const hub = inspector === null ? null : { directory: inspector.directory, epochNs: inspector.epochNs.toString() };
    const { length: workers } = this.#places;
    return { worker: number, workers, after: reserved, incarnation: restarts, own, listen: this.#listen, hub };
  }

  #onExit(place: Place, code: number | null, signal: string | null): void {
    place.worker = null;
    place.listening = false;
    if (place.hub !== null) this.#options.inspector?.leave(place.hub);
    place.hub = null;
    if (this.#onNeverStarted !== null) {
      this.#onNeverStarted(code ?? 1);
      return;
    }
    // Gauges of what is gone are 0; what was counted stays.
    this.#gone = mergeFamilies([this.#gone, place.counted.filter(isSummed)]);
    place.counted = [];
    if (this.#stopping) {
      if (code !== 0) this.#failed = true;
      if (this.#places.every(each => each.worker === null)) this.#onAllGone();
      return;
    }
    if (performance.now() - place.startedAt > STABLE_MS) place.backOffMs = BACK_OFF_MS;
    const wait = place.backOffMs;
    place.backOffMs = Math.min(wait * 2, BACK_OFF_MAX_MS);
    place.restarts++;
    const how = signal === null ? `exit code ${code}` : signal;
    this.#logger.error(
      `worker ${place.number} ended (${how}); its connections are lost, a new one starts in ${wait} ms`,
    );
    setTimeout(() => this.#fork(place), wait);
  }
}

/** Counters and histograms of the gateway; those of a process begin anew with the next one. */
function isSummed({ name, type }: Family): boolean {
  return type !== 'gauge' && name.startsWith('glassway_');
}

function send(worker: Worker, message: ToWorker): void {
  // Without a callback, a worker that ends meanwhile would be an error of this process.
  if (worker.isConnected()) worker.send(message, () => {});
}
