/** `glassway record`: keeps what a running gateway's inspector tells, and nothing else, in a file. */
import { type FileHandle, open, unlink } from 'node:fs/promises';
import {
  CONTROL_TYPES,
  explainFilter,
  type Filter,
  type FrameSelection,
  parseFilter,
  RecordingWriter,
  selectionOf,
  utf8,
} from '@glassway/inspector-protocol';
import { connectViewer, type ViewerClient } from './viewer-client.ts';

/** How a recording is made. */
export interface RecordOptions {
  /** The inspector's address with its token. */
  readonly url: string;
  /** Path of the file, which must not be there yet. */
  readonly out: string;
  /** Frames to ask for; the gateway sends no others. Empty: all. */
  readonly filter: string;
  /** Frames, sections and events from before that are wanted as well, as far as they are kept. */
  readonly backlog: number;
  /** Seconds after which to stop; 0: when told to. */
  readonly seconds: number;
  /** Whether samples of payloads are recorded as well, where the gateway takes any. */
  readonly payloads: boolean;
}

/** What was recorded. */
export interface RecordReport {
  readonly frames: number;
  readonly dropped: number;
  readonly bytes: number;
}

/** A recording that is being made. */
export interface RecordingRun {
  /** Stops and completes the file. */
  stop(): void;
  readonly done: Promise<RecordReport>;
}

/** The filter's text understood, or an Error that names the first token that is not. */
export function understood(text: string): Filter {
  const filter = parseFilter(text);
  const [problem] = filter.problems;
  if (problem !== undefined) throw new Error(`--filter: ${problem.text}: ${problem.message}`);
  return filter;
}

/** Starts recording. Rejects when the file is there already or cannot be written. */
export async function startRecording(options: RecordOptions): Promise<RecordingRun> {
  const filter = understood(options.filter);
  const file = await open(options.out, 'wx').catch((error: NodeJS.ErrnoException) => {
    throw new Error(
      error.code === 'EEXIST'
        ? `${options.out} is there already: choose another name`
        : `${options.out}: ${error.message}`,
    );
  });
  const writer = new RecordingWriter();
  const queue = new WriteQueue(file);
  queue.add(writer.begin());
  let frames = 0;
  let dropped = 0;
  let greeted = false;
  let client: ViewerClient;
  try {
    client = connectViewer(options.url, {
      onHello: (_, text) => {
        greeted = true;
        queue.add(writer.text(utf8(text)));
        const selection = selectionOf(filter);
        return {
          type: 'subscribe',
          id: 1,
          frames: selection,
          ...(options.filter.trim() === '' ? {} : { filter: options.filter }),
          fields: {},
          events: true,
          payloads: payloadSelection(selection, options.payloads),
          backlog: options.backlog,
        };
      },
      onText: (message, text) => {
        if (message.type === 'reply' && message.what === 'error')
          throw new Error(`the gateway refuses: ${message.message}`);
        if (message.type === 'dropped' && message.log === 'frames') dropped += message.count;
        queue.add(writer.text(utf8(text)));
      },
      onLog: message => queue.add(writer.log(message)),
      onFrames: (message, count) => {
        frames += count;
        queue.add(writer.frames(message));
      },
      onPayloads: message => queue.add(writer.payloads(message)),
    });
  } catch (error) {
    await discard(queue, options.out);
    throw error;
  }
  const timer = options.seconds > 0 ? setTimeout(() => client.close(), options.seconds * 1000) : undefined;
  const done = client.ended
    .finally(() => clearTimeout(timer))
    .then(
      async () => {
        queue.add(writer.end());
        await queue.close();
        return { frames, dropped, bytes: writer.bytes };
      },
      async (error: unknown) => {
        // What came before a connection broke is worth keeping; a file without anything is not.
        if (greeted) await queue.close();
        else await discard(queue, options.out);
        throw error;
      },
    );
  return { stop: () => client.close(), done };
}

/** Octets of the same frames; without content only those of types that have none. */
function payloadSelection(frames: FrameSelection, content: boolean): FrameSelection {
  if (content) return frames;
  const types = frames.types?.filter(type => CONTROL_TYPES.includes(type)) ?? CONTROL_TYPES;
  return { ...frames, types };
}

async function discard(queue: WriteQueue, path: string): Promise<void> {
  await queue.close();
  await unlink(path);
}

/** What a filter selects, in words. */
export function selectionText(text: string): string {
  const filter = understood(text);
  return filter.nodes.length === 0 ? 'every frame' : explainFilter(filter);
}

/** Pieces one after the other; a slow disk holds memory, not the gateway. */
class WriteQueue {
  readonly #file: FileHandle;
  #last: Promise<unknown> = Promise.resolve();

  constructor(file: FileHandle) {
    this.#file = file;
  }

  add(piece: Uint8Array): void {
    this.#last = this.#last.then(() => this.#file.writeFile(piece));
  }

  async close(): Promise<void> {
    await this.#last.finally(() => this.#file.close());
  }
}
