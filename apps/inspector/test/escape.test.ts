import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { textRuns, visible } from '../src/text/escape.ts';

describe('hostile text', () => {
  test('ordinary text is one run and unchanged', () => {
    expect(textRuns('/video/seg-041.m4s?q=äöü 日本')).toEqual([
      { text: '/video/seg-041.m4s?q=äöü 日本', escaped: false },
    ]);
    expect(textRuns('')).toEqual([]);
  });

  test('bidi overrides and isolates are spelled out and marked', () => {
    expect(textRuns('a\u202egpj.exe')).toEqual([
      { text: 'a', escaped: false },
      { text: '\\u{202e}', escaped: true },
      { text: 'gpj.exe', escaped: false },
    ]);
    expect(visible('\u2066x\u2069')).toBe('\\u{2066}x\\u{2069}');
  });

  test('controls, DEL, C1, NUL and line ends are spelled out; neighbours share a run', () => {
    expect(visible('a\0\r\n\tb\x7f\x9b')).toBe('a\\x00\\r\\n\\tb\\x7f\\x9b');
    expect(textRuns('\r\n')).toEqual([{ text: '\\r\\n', escaped: true }]);
  });

  test('zero-width characters, soft hyphens, tags and lone surrogates do not hide', () => {
    expect(visible('pay\u200bpal\u00ad\u{e0041}\ud800')).toBe(
      'pay\\u{200b}pal\\u{ad}\\u{e0041}\\u{d800}'.replace('\\u{ad}', '\\xad'),
    );
  });

  test('nothing that is drawn holds a hidden character, and nothing visible is lost', () => {
    const hidden = /[\p{Cc}\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]|\p{Surrogate}/u;
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), text => {
        const runs = textRuns(text);
        return !runs.some(run => hidden.test(run.text)) && runs.map(run => run.text).join('') === visible(text);
      }),
    );
  });
});
