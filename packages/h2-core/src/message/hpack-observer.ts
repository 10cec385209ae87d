import type { HpackTap } from '@glassway/hpack';
import type { Direction, Tap } from '../tap.ts';

/** Passes what one HPACK coder does on to the connection's tap, with the direction it works in. */
export class HpackObserver implements HpackTap {
  private readonly tap: Tap;
  private readonly direction: Direction;

  constructor(tap: Tap, direction: Direction) {
    this.tap = tap;
    this.direction = direction;
  }

  onRepresentation(name: string, value: string, representation: number, index: number, wireBytes: number): void {
    this.tap.onField(this.direction, name, value, representation, index, wireBytes);
  }

  onInsert(name: string, value: string, tableSize: number): void {
    this.tap.onTableInsert(this.direction, name, value, tableSize);
  }

  onEvict(count: number, tableSize: number): void {
    this.tap.onTableEvict(this.direction, count, tableSize);
  }

  onResize(maxSize: number): void {
    this.tap.onTableResize(this.direction, maxSize);
  }
}
