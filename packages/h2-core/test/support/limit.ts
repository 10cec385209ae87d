/** The shape of a limit's tests, and what a hit must look like from outside: event first, then code and name on the wire. */
import { describe, expect, test } from 'vitest';
import { type ConnectionOptions, type CoreOptions, RULES, type RuleId, type Tap } from '../../src/index.ts';
import { Endpoint } from './endpoint.ts';
import { preface, settings, settingsAck } from './frames.ts';

/** The options that are numbers: all of them bound something. */
export type LimitOption = {
  [Name in keyof CoreOptions]-?: NonNullable<CoreOptions[Name]> extends number ? Name : never;
}[keyof CoreOptions];

type Case = () => void | Promise<void>;

/** What is tested of every limit. */
export interface LimitCases {
  /** Just below: nothing happens. */
  readonly below: Case;
  /** Exactly there: the last that is allowed or, for a time, the first moment that is too late. */
  readonly at: Case;
  /** Above: the right scope, code and name. */
  readonly above: Case;
  /** What honest peers do that looks alike. */
  readonly burst: Case;
  /** Turned off, by 0 or by the greatest value: as the table says. */
  readonly off: Case;
}

/** The tests of one option. test/limits/table.test.ts finds these calls. */
export function limit(option: LimitOption, cases: LimitCases): void {
  describe(option, () => {
    test('just below', cases.below);
    test('at', cases.at);
    test('above', cases.above);
    test('a legitimate burst', cases.burst);
    test('off', cases.off);
  });
}

/** An endpoint with a tap that writes down what matters for limits, in order. */
export class Watched extends Endpoint {
  readonly log: string[];

  constructor(options: Partial<ConnectionOptions> & { role: 'server' | 'client' }, withPush = false) {
    const log: string[] = [];
    super({ tap: listener(log), ...options }, withPush);
    this.log = log;
  }

  /** The connection goes on, and the tap has heard of nothing worse than oddities. */
  untouched(): void {
    expect(this.log.filter(entry => !entry.startsWith('odd.'))).toEqual([]);
    expect(this.connection.isClosed).toBe(false);
  }

  /** The rule ended the connection: told to the tap before GOAWAY, which carries its code and its name. */
  ended(rule: RuleId): void {
    const { code } = RULES[rule];
    expect(this.log.filter(entry => !entry.startsWith('odd.')).slice(-2)).toEqual([
      `violation ${rule}`,
      `GOAWAY ${code} ${rule}`,
    ]);
    expect(this.connection.isClosed).toBe(true);
    expect(this.sent().at(-1)).toMatch(new RegExp(`^GOAWAY \\d+ ${code} ${rule}$`));
    const { error } = this.connection;
    // A connection that nobody used any more has come to a clean end.
    if (rule !== 'idle.timeout') expect(error).toMatchObject({ scope: 'connection', code, rule, initiator: 'library' });
  }

  /** The rule ended that stream only: told to the tap before RST_STREAM, which carries its code. */
  reset(streamId: number, rule: RuleId): void {
    const { code } = RULES[rule];
    expect(this.log.filter(entry => !entry.startsWith('odd.'))).toEqual([
      `violation ${rule}`,
      `RST_STREAM ${streamId} ${code} ${rule}`,
    ]);
    expect(this.sent()).toContain(`RST_STREAM ${streamId} ${code}`);
    expect(this.connection.isClosed).toBe(false);
    this.log.length = 0;
  }
}

function listener(log: string[]): Tap {
  const heard: Partial<Tap> = {
    onViolation: rule => void log.push(`violation ${rule}`),
    onOddity: what => void log.push(what),
    onReset: (id, code, initiator, reason) => {
      if (initiator === 'library') log.push(`RST_STREAM ${id} ${code} ${reason}`);
    },
    onGoAway: (direction, _last, code, debug) => {
      if (direction === 1) log.push(`GOAWAY ${code} ${debug}`);
    },
  };
  return new Proxy(heard, { get: (of, name) => of[name as keyof Tap] ?? (() => {}) }) as Tap;
}

/** A watched server past the exchange of SETTINGS. */
export function server(options: Partial<ConnectionOptions> = {}, ...peerSettings: number[]): Watched {
  const t = new Watched({ role: 'server', ...options });
  t.receive(preface, settings(...peerSettings), settingsAck);
  t.sent();
  t.heard();
  return t;
}

/** A watched client past the exchange of SETTINGS. */
export function client(options: Partial<ConnectionOptions> = {}, withPush = false): Watched {
  const t = new Watched({ role: 'client', ...options }, withPush);
  t.receive(settings(), settingsAck);
  t.sent();
  t.heard();
  return t;
}

/** `count` times the same, by its number from 0 on. */
export function times<T>(count: number, make: (at: number) => T): T[] {
  return Array.from({ length: count }, (_, at) => make(at));
}

export const GREATEST: number = 2 ** 31 - 1;
