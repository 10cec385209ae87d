import { afterEach, describe, expect, test } from 'vitest';
import { H2Error } from '../src/index.ts';

const make = (): H2Error =>
  new H2Error('said', { scope: 'stream', code: 8, initiator: 'user', rule: 'stream.reset', streamId: 1 });

describe('an H2Error needs nothing of its host', () => {
  const own = Object.getOwnPropertyDescriptor(Error, 'stackTraceLimit') as PropertyDescriptor;
  afterEach(() => {
    Object.defineProperty(Error, 'stackTraceLimit', own);
  });

  test('in V8 it has no stack trace, and the limit is as before', () => {
    (Error as { stackTraceLimit?: number }).stackTraceLimit = 7;
    const { stack } = make();
    expect(stack?.includes('\n    at ')).toBe(false);
    expect((Error as { stackTraceLimit?: number }).stackTraceLimit).toBe(7);
  });

  test('where the limit may not be set it is left alone', () => {
    Object.defineProperty(Error, 'stackTraceLimit', { ...own, writable: false });
    expect(make().message).toBe('said');
    expect((Error as { stackTraceLimit?: number }).stackTraceLimit).toBe(own.value);
  });

  test('where there is none, none is made', () => {
    delete (Error as { stackTraceLimit?: number }).stackTraceLimit;
    expect(make().codeName).toBe('CANCEL');
    expect(Object.hasOwn(Error, 'stackTraceLimit')).toBe(false);
  });

  test.each(['an accessor', 'no number'])('where it is %s it is left alone', kind => {
    let sets = 0;
    const other = kind === 'no number' ? { value: 'ten', writable: true } : { get: () => 10, set: () => void sets++ };
    Object.defineProperty(Error, 'stackTraceLimit', { configurable: true, ...other });
    expect(make().streamId).toBe(1);
    expect([sets, (Error as { stackTraceLimit?: unknown }).stackTraceLimit]).toEqual([
      0,
      kind === 'no number' ? 'ten' : 10,
    ]);
  });
});
