import { Connection } from '../connection.ts';
import type { Handler } from '../handler.ts';
import type { CoreOptions } from '../options/options.ts';
import { StreamRecord } from '../stream/stream.ts';
import { describeFrame, WireReader } from './frames.ts';
import { concat, fromHex, same } from './octets.ts';
import { type RecordedStep, type Recording, revive } from './recording.ts';

/** How a replay went. */
export interface ReplayReport {
  /** The connection did what it did when it was recorded: the same calls to its handler, the same octets. */
  readonly matches: boolean;
  /** Where it did something else, in words; null: nowhere. */
  readonly divergence: string | null;
  /** Everything it sent, in one piece. */
  readonly output: Uint8Array;
  /** What was recorded of that. */
  readonly recordedOutput: Uint8Array;
  /** The connection, as the replay left it. */
  readonly connection: Connection;
}

/** Stands for what a handler threw. */
class ReplayedError extends Error {
  override readonly name: string = 'ReplayedError';
}

/** The replay came to something that was not recorded. */
class Divergence extends Error {}

type Call = (...given: unknown[]) => unknown;

class Replay {
  readonly connection: Connection;
  readonly output: Uint8Array[] = [];
  divergence: string | null = null;
  private readonly steps: readonly RecordedStep[];
  /** Those whose numbers came up, in that order. */
  private readonly streams: unknown[] = [];
  private at = 0;

  constructor({ role, options, handles, startedAt, steps }: Recording) {
    this.steps = steps;
    const handler: Record<string, Call> = {};
    for (const name of handles) handler[name] = (...given) => this.heard(name, given);
    this.connection = new Connection(
      { ...(options as unknown as CoreOptions), role, handler: handler as Handler },
      startedAt,
    );
  }

  run(): void {
    try {
      while (this.at < this.steps.length) this.command();
    } catch (error) {
      if (!(error instanceof Divergence)) throw error;
    }
  }

  private get step(): RecordedStep | undefined {
    return this.steps[this.at];
  }

  /** Remembers where the replay left the recording; everything after that is worth nothing. */
  private diverge(what: string): never {
    this.divergence ??= `step ${this.at}: ${what}`;
    throw new Divergence(what);
  }

  /** Does the next step, which is a call into the connection, and everything inside it. */
  private command(): void {
    const { what, with: given = [], output, threw = false, returned } = this.step as RecordedStep;
    if (/^[<>]/.test(what)) this.diverge(`${what.slice(1) || 'a call of the handler'} is not called any more`);
    const method = (this.connection as unknown as Record<string, Call | undefined>)[what];
    if (typeof method !== 'function') this.diverge(`${JSON.stringify(what)} is no method of a connection`);
    this.at++;
    const step = this.at;
    let result: unknown;
    let error: unknown = null;
    try {
      const values = given.map(each => revive(each, this.streams) ?? undefined);
      result = (method as Call).apply(this.connection, values);
    } catch (thrown) {
      error = thrown;
    }
    if (this.divergence !== null) throw new Divergence();
    if ((error !== null) !== threw) {
      this.at = step;
      this.diverge(error === null ? `${what} threw, and does not any more` : `${what} throws ${error}`);
    }
    if (returned !== undefined) this.know(returned.stream, result);
    if (output !== undefined) this.compare(step, what, concat(...(result as Uint8Array[])), fromHex(output));
  }

  private know(number: number, stream: unknown): void {
    this.streams[number] ??= stream;
    if (this.streams[number] !== stream) this.diverge(`stream number ${number} is another one`);
  }

  /** The connection calls its handler: that has to be the next step. What the program did then is done now. */
  private heard(name: string, given: readonly unknown[]): unknown {
    // A connection that has left the recording is let go on, so that it comes to an end.
    if (this.divergence !== null) return undefined;
    const { step } = this;
    if (step?.what !== `>${name}`) this.diverge(`${name} is called; recorded was ${step?.what ?? 'the end'}`);
    const streams = given.filter(each => each instanceof StreamRecord);
    for (const [i, ref] of (step.with ?? []).entries()) {
      this.know((ref as { stream: number }).stream, streams[i]);
    }
    this.at++;
    while (this.step !== undefined && this.step.what !== '<') this.command();
    const { threw, answer } = this.step ?? {};
    this.at++;
    if (threw === true) throw new ReplayedError(`${name} threw when it was recorded`);
    return answer;
  }

  private compare(step: number, what: string, actual: Uint8Array, recorded: Uint8Array): void {
    this.output.push(actual);
    if (same(actual, recorded)) return;
    let at = 0;
    while (at < actual.length && actual[at] === recorded[at]) at++;
    this.at = step;
    this.diverge(
      `${what} gives ${actual.length} octets, recorded were ${recorded.length}; they differ from octet ${at} on\n` +
        `  now       ${frames(actual)}\n  recorded  ${frames(recorded)}`,
    );
  }
}

function frames(octets: Uint8Array): string {
  // Field blocks refer to what came before, which this reader has not seen.
  const reader = new WireReader(octets[0] === 0x50 ? 'client' : 'server', { lenient: true });
  const lines = reader.push(octets).map(describeFrame);
  return lines.length === 0 ? `${octets.length} octets` : lines.join('\n            ');
}

/**
 * Plays a recording into a fresh connection: the same calls at the same times, also those made inside calls to the handler.
 * The core has no other inputs, so a difference means that it behaves differently now.
 */
export function replay(recording: Recording): ReplayReport {
  if (recording.format !== 'glassway-connection-recording' || recording.version !== 1) {
    throw new Error('not a connection recording of version 1');
  }
  const run = new Replay(recording);
  run.run();
  const recordedOutput = concat(...recording.steps.map(({ output }) => fromHex(output ?? '')));
  const { divergence, connection } = run;
  return { matches: divergence === null, divergence, output: concat(...run.output), recordedOutput, connection };
}
