/** The page's end of the worker: sends looks, keeps the newest snapshot, tells React when it changed. */
import { useSyncExternalStore } from 'react';
import workerUrl from '../worker/worker.ts?worker&url';
import {
  type FrameText,
  type FromWorker,
  type KeepFormat,
  type Look,
  NOTHING,
  type Snapshot,
  type ToWorker,
} from './model.ts';

const EMPTY: Snapshot = {
  link: { kind: 'connecting', attempt: 1 },
  gateway: null,
  now: 0,
  totals: {
    produced: 0,
    received: 0,
    dropped: 0,
    filtered: 0,
    only: '',
    behind: 0,
    framesPerSecond: 0,
    history: [],
    retained: 0,
    capacity: 0,
  },
  connections: [],
  findings: [],
  connection: null,
  streams: null,
  stream: null,
  frames: { tab: null, drawer: null },
  frame: null,
  windows: null,
  hpack: null,
  timeline: null,
  found: null,
  past: null,
  reach: null,
};

let snapshot = EMPTY;
let look: Look = NOTHING;
let lookText = '';
const listeners = new Set<() => void>();
const worker = new Worker(trusted(workerUrl) as unknown as string, { type: 'module', name: 'feed' });

worker.onmessage = (event: MessageEvent<FromWorker>): void => {
  const { parts, file, problem, text, progress, opened } = event.data;
  if (progress !== undefined) onTask({ kind: 'opening', share: progress });
  if (opened !== undefined || problem !== undefined || file !== undefined) onTask(null);
  if (opened !== undefined) onOpened(opened.frames, opened.kept);
  if (text !== undefined) texts.shift()?.(text);
  if (file !== undefined) onFile(file.name, file.bytes);
  if (problem !== undefined) onProblem(problem);
  if (parts === undefined) return;
  snapshot = { ...snapshot, ...parts };
  for (const listener of listeners) listener();
};

/*
 * The page runs under `require-trusted-types-for 'script'`, which makes a worker's address a guarded sink. The only
 * policy of the page blesses the one address the build knows, and nothing else.
 */
function trusted(url: string): TrustedUrl | string {
  const factory = (globalThis as { readonly trustedTypes?: TrustedTypes }).trustedTypes;
  if (factory === undefined) return url;
  const policy = factory.createPolicy('glassway', {
    createScriptURL: candidate => {
      if (candidate !== workerUrl) throw new TypeError('not the worker of this page');
      return candidate;
    },
  });
  return policy.createScriptURL(url);
}

type TrustedUrl = { toString(): string };
interface TrustedTypes {
  createPolicy(
    name: string,
    rules: { createScriptURL(url: string): string },
  ): { createScriptURL(url: string): TrustedUrl };
}

function tell(message: ToWorker): void {
  worker.postMessage(message);
}

/** Connects with this token; null: there is none. */
export function start(url: string, token: string | null): void {
  tell({ kind: 'start', url, token });
}

/** Connects again now instead of after the pause. */
export function retry(): void {
  tell({ kind: 'retry' });
}

/** Empties the log of frames. */
export function clear(): void {
  tell({ kind: 'clear' });
}

/** What happens with a file that was made; the page's only way to hand one out is a download. */
function onFile(name: string, bytes: Uint8Array): void {
  const url = URL.createObjectURL(new Blob([bytes as Uint8Array<ArrayBuffer>], { type: 'application/octet-stream' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

let onProblem: (text: string) => void = () => {};

/** Called with a sentence, without its full stop, when a recording cannot be opened or a file not be made. */
export function whenProblem(call: (text: string) => void): void {
  onProblem = call;
}

/** Something that takes long. */
export interface Task {
  readonly kind: 'opening' | 'exporting';
  /** 0 to 1, -1: unknown. */
  readonly share: number;
}

let onTask: (task: Task | null) => void = () => {};
let onOpened: (frames: number, kept: number) => void = () => {};

/** Called when something that takes long begins, goes on and (null) ends, and when a recording was opened. */
export function whenTask(task: (task: Task | null) => void, opened: (frames: number, kept: number) => void): void {
  onTask = task;
  onOpened = opened;
}

/** Makes a file of what the page holds, and downloads it. */
export function keepAs(format: KeepFormat, filter: string, content: boolean): void {
  // Before anything was heard there is nothing to make a file of.
  if (snapshot.gateway === null) return;
  onTask({ kind: 'exporting', share: -1 });
  tell({ kind: 'keep', format, filter, content });
}

/** Shows a recording instead of the gateway, until the page is loaded again. */
export async function openFile(file: Blob): Promise<void> {
  onTask({ kind: 'opening', share: 0 });
  let octets: ArrayBuffer;
  try {
    octets = await file.arrayBuffer();
  } catch (error) {
    onTask(null);
    onProblem(`The file cannot be read: ${(error as Error).message}`);
    return;
  }
  worker.postMessage({ kind: 'open', file: octets } satisfies ToWorker, [octets]);
}

/* Who waits for a text; the worker answers in order. */
const texts: ((text: FrameText) => void)[] = [];

/** The frames that the grid of the tab lists in these ranges of rows, as `nghttp -v` prints them. */
export function frameText(ranges: readonly (readonly [from: number, to: number])[]): Promise<FrameText> {
  return new Promise(resolve => {
    texts.push(resolve);
    tell({ kind: 'text', ranges });
  });
}

/** What the page wants to see from now on. */
export function lookAt(next: Look): void {
  const text = JSON.stringify(next);
  if (text === lookText) return;
  lookText = text;
  look = next;
  tell({ kind: 'look', look });
}

/** The newest snapshot, for event handlers. */
export function current(): Snapshot {
  return snapshot;
}

/** Calls back after every change of the snapshot; returns what ends that. */
export function onSnapshot(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** One part of the snapshot; the component is drawn again when that part is replaced. */
export function useFeed<T>(select: (snapshot: Snapshot) => T): T {
  return useSyncExternalStore(onSnapshot, () => select(snapshot));
}
