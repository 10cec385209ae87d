import { readFileSync } from 'node:fs';
import {
  Connection,
  type CoreOptions,
  OptionError,
  type ResolvedOptions,
  resolveOptions,
  UsageError,
} from '@glassway/h2-core';
import { expect, test } from 'vitest';

const UNITS: Readonly<Record<string, number>> = { KiB: 1024, MiB: 1024 ** 2, s: 1000, ms: 1 };

/** A number as the comments write it: `65,536`, `2^31-1`, `4 MiB`, `180 s`. */
function read(text: string): number {
  const power = /^2\^(\d+)(-1)?$/.exec(text);
  if (power !== null) return 2 ** Number(power[1]) - (power[2] === undefined ? 0 : 1);
  const [digits = '', unit] = text.split(' ');
  return Number(digits.replaceAll(',', '')) * (unit === undefined ? 1 : (UNITS[unit] ?? Number.NaN));
}

const NUMBER = String.raw`2\^\d+(?:-1)?|[\d,]*\d(?: (?:KiB|MiB|ms|s)\b)?`;
const source = readFileSync(new URL('../src/options/options.ts', import.meta.url), 'utf8');
const documented = [...source.matchAll(/ {2}\/\*\*((?:(?!\*\/)[\s\S])+)\*\/\n {2}readonly (\w+)\?: number;/g)].map(
  ([, comment = '', name]) => {
    const text = comment.replaceAll(/\s*\n \s*\* ?/g, ' ');
    return {
      name: name as keyof CoreOptions,
      fallback: read(new RegExp(`Default (${NUMBER})`).exec(text)?.[1] ?? 'none'),
      range: (new RegExp(String.raw`[Rr]ange (${NUMBER})\.\.(${NUMBER})`).exec(text)?.slice(1) ?? ['0', '2^31-1']).map(
        read,
      ),
    };
  },
);

/** Defaults that follow from other options. */
const DERIVED: ReadonlySet<string> = new Set(['dataFrameBudget', 'maxConcurrentResetStreams']);

test('every option that is a number is documented', () => {
  const numbers = Object.entries(resolveOptions('server')).filter(([, value]) => typeof value === 'number');
  expect(documented.map(({ name }) => name).sort()).toEqual(numbers.map(([name]) => name).sort());
});

test.each(documented)('$name has the default and the range that its comment says', ({ name, fallback, range }) => {
  const [least = Number.NaN, greatest = Number.NaN] = range;
  const resolve = (value: number) => resolveOptions('server', { [name]: value })[name];
  if (DERIVED.has(name)) expect(fallback).toBeNaN();
  else expect(resolveOptions('server')[name]).toBe(fallback);
  expect(resolve(least)).toBe(least);
  expect(resolve(greatest)).toBe(greatest);
  for (const bad of [least - 1, greatest + 1, least + 0.5]) expect(() => resolve(bad)).toThrow(UsageError);
});

test('defaults that follow from other options', () => {
  expect(resolveOptions('server').dataFrameBudget).toBe(524_288);
  expect(resolveOptions('server', { initialWindowSize: 1000 }).dataFrameBudget).toBe(65_536);
  expect(resolveOptions('server').maxConcurrentResetStreams).toBe(256);
  expect(resolveOptions('server', { maxConcurrentStreams: 1 }).maxConcurrentResetStreams).toBe(256);
  expect(resolveOptions('server', { maxConcurrentStreams: 500 }).maxConcurrentResetStreams).toBe(1000);
  expect(resolveOptions('server', { maxConcurrentStreams: 2 ** 32 - 1 }).maxConcurrentResetStreams).toBe(16_384);
  expect(resolveOptions('client').maxConcurrentResetStreams).toBe(1024);
  expect(resolveOptions('client').maxConcurrentStreams).toBe(100);
  expect(resolveOptions('client', {}, true).enablePush).toBe(true);
});

test.each<[CoreOptions, string, unknown, string]>([
  [{ maxFrameSize: 1 }, 'maxFrameSize', 1, 'an integer from 16384 to 16777215'],
  [{ idleTimeoutMs: Number.NaN }, 'idleTimeoutMs', Number.NaN, 'an integer from 0 to 2147483647'],
  [{ oddityBurst: '9' as never }, 'oddityBurst', '9', 'an integer from 0 to 2147483647'],
  [{ enablePush: 1 as never }, 'enablePush', 1, 'true or false'],
  [{ extraSettings: [0xf000] }, 'extraSettings', [0xf000], 'an array of ids and values in turn'],
  [{ extraSettings: [0x1_0000, 1] }, 'extraSettings', [0x1_0000, 1], 'pairs of a 16-bit id and a 32-bit value'],
  [{ extraSettings: [4, 1] }, 'extraSettings', [4, 1], 'without INITIAL_WINDOW_SIZE, which has an option of its own'],
  [{ extraSettings: [9, 2] }, 'extraSettings', [9, 2], 'a legal value for NO_RFC7540_PRIORITIES'],
])('a bad value is told by name, value and range: %j', (options, name, value, range) => {
  let thrown: unknown;
  try {
    resolveOptions('server', options);
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(OptionError);
  expect(thrown).toMatchObject({ name: 'OptionError', rule: 'api.option', option: name, value, range });
  expect((thrown as OptionError).message).toMatch(`option ${name} is `);
});

test('options that a role has no use for', () => {
  expect(() => resolveOptions('proxy' as 'server')).toThrow(
    "option role is \"proxy\"; it must be 'server' or 'client'",
  );
  expect(() => resolveOptions('client', { prefaceReceived: true })).toThrow(OptionError);
});

test('no greatest value is too great for a connection', () => {
  const greatest = Object.fromEntries(documented.map(({ name, range }) => [name, range[1] ?? 0]));
  for (const role of ['server', 'client'] as const) {
    expect(new Connection({ role, handler: {}, ...greatest }).isClosed).toBe(false);
  }
});

test('connections with the same options share one object, which cannot be changed; others have their own', () => {
  const made = (options: CoreOptions): ResolvedOptions =>
    new Connection({ role: 'server', handler: {}, ...options }).options;
  const one = made({ extraSettings: [0xf000, 7], pseudoOrder: [':path'] });
  expect(made({ extraSettings: [0xf000, 7], pseudoOrder: [':path'] })).toBe(one);
  expect(() => {
    (one as { maxFrameSize: number }).maxFrameSize = 0;
  }).toThrow(TypeError);
  const others = [
    { extraSettings: [0xf000, 8], pseudoOrder: [':path'] as const },
    { extraSettings: [0xf000, 7, 0xf001, 1], pseudoOrder: [':path'] as const },
    { extraSettings: [0xf000, 7], pseudoOrder: [':method'] as const },
    { extraSettings: [0xf000, 7], pseudoOrder: [':path'] as const, idleTimeoutMs: 1 },
  ];
  for (const options of others) {
    expect(made(options)).not.toBe(one);
    expect(made(options)).toMatchObject({ extraSettings: options.extraSettings });
  }
  expect(made({ idleTimeoutMs: 1 }).idleTimeoutMs).toBe(1);
  expect(made({}).idleTimeoutMs).toBe(180_000);
  // Functions of the program's are not kept.
  const padding = (): number => 0;
  expect(made({ padding })).not.toBe(made({ padding }));
  const client = new Connection({ role: 'client', handler: {} }).options;
  expect(new Connection({ role: 'client', handler: {} }).options).toBe(client);
  expect(client).not.toBe(made({}));
});
