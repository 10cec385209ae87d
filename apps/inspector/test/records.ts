/** What a made-up world recorded, as the messages that a page gets. */
import { FRAMES_HEADER_BYTES, RECORD_BYTES, writeFramesHeader } from '@glassway/inspector-protocol';
import type { World } from './fake/world.ts';

/** FRAMES messages of all its records but those at the positions in `lose`. */
export function recordsOf(world: World, lose: readonly number[] = []): ArrayBuffer[] {
  const messages: ArrayBuffer[] = [];
  let from = 0;
  for (const end of [...[...lose].sort((a, b) => a - b), world.head]) {
    if (end > from) {
      const message = new ArrayBuffer(FRAMES_HEADER_BYTES + (end - from) * RECORD_BYTES);
      const bytes = new Uint8Array(message);
      writeFramesHeader(bytes, end - from, from, end);
      bytes.set(new Uint8Array(world.buffer, from * RECORD_BYTES, (end - from) * RECORD_BYTES), FRAMES_HEADER_BYTES);
      messages.push(message);
    }
    from = end + 1;
  }
  return messages;
}
