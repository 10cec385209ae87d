import { type Decoder, type FieldSink, HpackError } from '../../src/index.ts';

/** One field as a sink received it. */
export type Line = [name: string, value: string, sensitive: boolean, tag: number];

export class Collector implements FieldSink {
  readonly lines: Line[] = [];
  onField(name: string, value: string, sensitive: boolean, tag: number): void {
    this.lines.push([name, value, sensitive, tag]);
  }
}

/** All lines of a block. */
export function decodeLines(decoder: Decoder, block: Uint8Array): Line[] {
  const sink = new Collector();
  decoder.decode(block, sink);
  return sink.lines;
}

/** Name and value of the lines of a block. */
export function decodePairs(decoder: Decoder, block: Uint8Array): [string, string][] {
  return decodeLines(decoder, block).map(([name, value]) => [name, value]);
}

/** The dynamic table, newest first. */
export function tableOf(coder: {
  tableLength: number;
  entryAt(age: number): { name: string; value: string };
}): [string, string][] {
  return Array.from({ length: coder.tableLength }, (_, age) => {
    const { name, value } = coder.entryAt(age);
    return [name, value];
  });
}

/** The rule that decoding breaks, or `none`. */
export function brokenRule(action: () => void): string {
  try {
    action();
  } catch (error) {
    if (error instanceof HpackError) return error.rule;
    throw error;
  }
  return 'none';
}
