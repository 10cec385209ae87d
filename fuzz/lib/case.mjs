/**
 * A test case is a list of steps, kept as text so that it can be read, changed by hand and compared:
 *
 *     # what it is about
 *     in 505249...        octets, hexadecimal
 *     do 5 0 200          numbers, what they mean is the target's affair
 *
 * @typedef {{ op: string, octets?: Uint8Array, args?: number[] }} Step
 */

/** Steps that carry octets; all others carry numbers. */
const WITH_OCTETS = new Set(['in', 'block', 'react']);

/** @returns {Step[]} Throws on lines that are no step. */
export function parseCase(text) {
  const steps = [];
  for (const line of text.split('\n')) {
    const [op, ...rest] = line.replace(/#.*/, '').trim().split(/\s+/);
    if (op === '') continue;
    if (WITH_OCTETS.has(op)) {
      const hex = rest.join('');
      if (!/^(?:[0-9a-f]{2})*$/i.test(hex)) throw new Error(`not hexadecimal: ${line}`);
      steps.push({ op, octets: Uint8Array.from(Buffer.from(hex, 'hex')) });
    } else {
      const args = rest.map(Number);
      if (!/^[a-z]+$/.test(op) || !args.every(Number.isInteger)) throw new Error(`no step: ${line}`);
      steps.push({ op, args });
    }
  }
  return steps;
}

/** The text of a case; `comment` goes first. */
export function formatCase(steps, comment = '') {
  const lines = comment === '' ? [] : comment.split('\n').map(line => `# ${line}`);
  for (const { op, octets, args = [] } of steps) {
    if (octets === undefined) lines.push([op, ...args].join(' '));
    else lines.push(`${op} ${Buffer.from(octets.buffer, octets.byteOffset, octets.length).toString('hex')}`.trim());
  }
  return `${lines.join('\n')}\n`;
}

/** Octets and steps of a case: what the minimiser brings down. */
export function sizeOf(steps) {
  return steps.reduce((size, { octets, args = [] }) => size + 8 + (octets?.length ?? args.length), 0);
}
