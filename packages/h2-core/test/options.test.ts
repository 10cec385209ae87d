import { readFileSync } from 'node:fs';
import { type CoreOptions, resolveOptions, UsageError } from '@glassway/h2-core';
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
const source = readFileSync(new URL('../src/options.ts', import.meta.url), 'utf8');
const documented = [...source.matchAll(/\/\*\* (.+) \*\/\n {2}readonly (\w+)\?: number;/g)].map(
  ([, text = '', name]) => ({
    name: name as keyof CoreOptions,
    fallback: read(new RegExp(`Default:? (${NUMBER})`).exec(text)?.[1] ?? ''),
    range: (new RegExp(String.raw`range (${NUMBER})\.\.(${NUMBER})`).exec(text)?.slice(1) ?? ['0', '2^31-1']).map(read),
  }),
);

test('every option that is a number is documented', () => {
  const numbers = Object.entries(resolveOptions('server', {}, false)).filter(([, value]) => typeof value === 'number');
  expect(documented.map(({ name }) => name).sort()).toEqual(numbers.map(([name]) => name).sort());
});

test.each(documented)('$name has the default and the range that its comment says', ({ name, fallback, range }) => {
  const [least = Number.NaN, greatest = Number.NaN] = range;
  const resolve = (value: number) => resolveOptions('server', { [name]: value }, false)[name];
  // One default is a formula: half the window.
  if (name === 'smallDataBudget') expect(resolveOptions('server', {}, false)[name]).toBe(524_288);
  else expect(resolveOptions('server', {}, false)[name]).toBe(fallback);
  expect(resolve(least)).toBe(least);
  expect(resolve(greatest)).toBe(greatest);
  for (const bad of [least - 1, greatest + 1, least + 0.5]) expect(() => resolve(bad)).toThrow(UsageError);
});
