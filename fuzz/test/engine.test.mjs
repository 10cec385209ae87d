// The fuzzer itself: it finds what is hidden, makes it small, can do it again, and knows a case that never ends.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { concat, headers, octets, parseFrames, preface, requestFields, settings } from '@glassway/h2-core/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import { formatCase, parseCase, sizeOf } from '../lib/case.mjs';
import { distil, fuzz, kindOf } from '../lib/engine.mjs';
import { minimise } from '../lib/minimise.mjs';
import { mutate, mutateFrames } from '../lib/mutate.mjs';
import { Random } from '../lib/random.mjs';
import { server } from '../targets/connection.mjs';
import { TARGETS } from '../targets/index.mjs';

test('a case survives being text, with comments and without', () => {
  const steps = [
    { op: 'in', octets: octets('abc') },
    { op: 'do', args: [1, -2, 3] },
    { op: 'in', octets: octets('') },
  ];
  expect(parseCase(formatCase(steps, 'two\nlines'))).toEqual(steps);
  expect(parseCase('in 61 62 # spaces and a comment\n\n')).toEqual([{ op: 'in', octets: octets('ab') }]);
  expect(() => parseCase('in xyz')).toThrow('not hexadecimal');
  expect(() => parseCase('do one')).toThrow('no step');
});

test('a failure becomes as small as it goes', () => {
  const steps = [
    { op: 'do', args: [1] },
    { op: 'in', octets: octets('some text with an X in it') },
    { op: 'in', octets: octets('more') },
  ];
  const hasX = candidate => candidate.some(({ octets: o }) => o?.includes('X'.charCodeAt(0)));
  expect(minimise(steps, hasX)).toEqual([{ op: 'in', octets: octets('X') }]);
  expect(minimise(steps, hasX, performance.now() - 1)).toBe(steps);
});

test('mutations are the same for the same seed, and frames stay frames mostly', () => {
  const { grammar } = server;
  const start = [{ op: 'in', octets: concat(preface, settings(), headers(1, requestFields())) }];
  const chain = seed => {
    const random = new Random(seed);
    let steps = start;
    for (let i = 0; i < 50; i++) steps = mutate(random, steps, start, grammar);
    return formatCase(steps);
  };
  expect(chain(1)).toBe(chain(1));
  expect(chain(1)).not.toBe(chain(2));
  const random = new Random(3);
  let whole = 0;
  for (let i = 0; i < 200; i++) {
    const changed = mutateFrames(random, start[0].octets, grammar.makeFrame);
    expect(changed.slice(0, 24)).toEqual(preface);
    try {
      parseFrames(changed.slice(24));
      whole++;
    } catch {
      // One that says another length than it has.
    }
  }
  expect(whole).toBeGreaterThan(150);
});

describe('the engine', () => {
  /** Runs a server's connection, and fails when a certain rule is broken: something only certain frames bring about. */
  const hidden = rule => ({
    ...server,
    run: steps => {
      const events = server.run(steps);
      if (events.some(event => event.includes(rule))) throw new Error(`reached ${rule} after ${events.length} events`);
      return events;
    },
  });

  test('finds its way to a rule that nothing in its corpus breaks, and makes the way short', () => {
    const target = hidden('window.length');
    const { failure, runs } = fuzz({ target, corpus: [], seed: 1, seconds: 60, minimiseMs: 4000 });
    expect(failure?.error.message).toContain('window.length');
    expect(runs).toBeGreaterThan(1);
    const steps = parseCase(failure.case);
    expect(sizeOf(steps)).toBeLessThan(600);
    expect(() => target.run(steps)).toThrow('window.length');
  });

  test('two failures are the same when their words are', () => {
    expect(kindOf(new Error('stream 5 of 7\nmore'))).toBe('stream # of #');
  });

  test('of cases that do the same the smallest is kept', () => {
    const small = formatCase([{ op: 'in', octets: concat(preface, settings()) }]);
    const large = formatCase([
      { op: 'in', octets: concat(preface, settings()) },
      { op: 'take', args: [1] },
    ]);
    const other = formatCase([{ op: 'in', octets: octets('GET / HTTP/1.1\r\n') }]);
    expect(distil(server, [large, small, other]).sort()).toEqual([small, other].sort());
  });
});

test('every target notices what is wrong: run by the command, with one case', async () => {
  const { spawnSync } = await import('node:child_process');
  const directory = mkdtempSync(join(tmpdir(), 'glassway-fuzz-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const file = join(directory, 'one.case');
  writeFileSync(file, 'in 00\nlimit 16384\n');
  const command = (...args) =>
    spawnSync(process.execPath, [join(import.meta.dirname, '../run.mjs'), ...args], { encoding: 'utf8' });
  for (const name of TARGETS.keys()) {
    const { stdout, status } = command(name, file);
    expect([status, stdout.includes('nothing is wrong')]).toEqual([0, true]);
  }
  expect(command('nonsense').status).toBe(2);
  expect(command('--help').stdout).toContain('frame-reader');
});
