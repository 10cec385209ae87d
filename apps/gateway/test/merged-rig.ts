/** Several workers' recorders and hubs, and the hub over them, in one thread: with a clock and a network that the test moves. */

import type { HubInput, InputEvents } from '../src/trace/merge/input.ts';
import { MergedHub, type MergedHubOptions } from '../src/trace/merge/merged-hub.ts';
import { type Rig, type RigOptions, RigViewer, traceRig } from './trace-rig.ts';

/** A worker whose hub is looked at over a network that can stop. */
export class RigWorker implements HubInput {
  readonly worker: number;
  readonly rig: Rig;
  /** True: what is sent to the merged hub waits. */
  held = false;
  /** Times it was looked at. */
  opened = 0;
  isOpen = false;
  readonly #waiting: (string | ArrayBuffer)[] = [];
  #events: InputEvents | null = null;

  constructor(worker: number, rig: Rig) {
    this.worker = worker;
    this.rig = rig;
  }

  open(events: InputEvents): ReturnType<HubInput['open']> {
    this.opened++;
    this.isOpen = true;
    this.#events = events;
    this.#waiting.length = 0;
    const self = this;
    const viewer = this.rig.hub.attach({
      get bufferedBytes() {
        return self.#waiting.reduce((sum, data) => sum + (typeof data === 'string' ? data.length : data.byteLength), 0);
      },
      send: data => {
        this.#waiting.push(typeof data === 'string' ? data : (data.slice().buffer as ArrayBuffer));
      },
      close: (_code, reason) => {
        throw new Error(`the merged hub broke the protocol: ${reason}`);
      },
    });
    return {
      send: text => viewer.receive(text),
      close: () => {
        this.isOpen = false;
        this.#events = null;
        this.rig.hub.detach(viewer);
      },
    };
  }

  /** What was sent arrives; `most` messages of it. */
  deliver(most: number = Number.POSITIVE_INFINITY): void {
    if (this.held) return;
    for (let i = 0; i < most && this.#waiting.length > 0; i++) this.#events?.message(this.#waiting.shift()!);
  }

  /** The process is gone, and what was under way with it. */
  die(): void {
    this.#waiting.length = 0;
    this.#events?.closed();
  }
}

/** The whole. */
export class MergedRig {
  readonly time: { now: number } = { now: 1000 };
  readonly hub: MergedHub;
  readonly workers: RigWorker[];
  readonly #options: RigOptions;
  readonly #count: number;

  constructor(count: number, options: RigOptions = {}, merged: Partial<MergedHubOptions> = {}) {
    this.#options = options;
    this.#count = count;
    this.hub = new MergedHub({
      identity: { gateway: 'all', name: 'all', release: '0.0.0', epochMs: 0, revealed: false },
      clock: () => this.time.now,
      ringBytes: 65_536 * 40,
      ...merged,
    });
    this.workers = Array.from({ length: count }, (_, i) => this.start(i + 1));
  }

  /** A worker begins, in the place of the one before it. */
  start(worker: number, after = 0, incarnation = 0): RigWorker {
    const numbering = { worker, workers: this.#count, after, incarnation };
    const started = new RigWorker(
      worker,
      traceRig({ ringBytes: 65_536 * 40, ...this.#options, numbering, time: this.time }),
    );
    this.hub.join(started);
    return started;
  }

  viewer(): RigViewer {
    return new RigViewer(this.hub);
  }

  /** Time passes, all hubs run, and what they say arrives. */
  tick(ms = 200): void {
    for (const { rig } of this.workers) rig.recorder.flush();
    this.time.now += ms * 1000;
    for (const { rig } of this.workers) rig.hub.tick();
    for (const worker of this.workers) worker.deliver();
    this.hub.tick();
    for (const worker of this.workers) worker.deliver();
  }

  /** Until nothing is under way any more. */
  settle(viewer: RigViewer): void {
    for (let i = 0; i < 40; i++) {
      this.tick();
      viewer.acknowledge();
    }
  }
}
