import type { Core } from './core.ts';
import { uint31 } from './frame/bytes.ts';
import { FrameType } from './frame/types.ts';
import { DEFAULT_PRIORITY, MAX_PRIORITY_VALUE, type Priority, parsePriority } from './message/priority.ts';
import { ConnectionError } from './rules.ts';
import { shown } from './shown.ts';
import { Gone } from './stream/gone.ts';
import type { StreamRecord } from './stream/stream.ts';

/** Updates kept for streams to come, whatever the stream limit is. */
const MAX_EARLY = 1024;

/**
 * RFC 9218 for a server: until the client shows that it knows the scheme (a Priority field, PRIORITY_UPDATE, or
 * SETTINGS_NO_RFC7540_PRIORITIES) all streams take turns; from then on its priorities are obeyed.
 */
export class Priorities {
  /** The client speaks RFC 9218. */
  aware = false;
  private readonly core: Core;
  /** Updates for requests that have not come yet, newest only. RFC 9218 7.1. */
  private early: Map<number, Priority> | null = null;

  constructor(core: Core) {
    this.core = core;
  }

  /** Stream `id` is idle no longer: what was said of it before, null for nothing. */
  take(id: number): Priority | null {
    const { early } = this;
    if (early === null || early.size === 0) return null;
    const updated = early.get(id) ?? null;
    // Those for lower numbers will never be opened (RFC 9113 5.1.1).
    for (const other of early.keys()) if (other <= id) early.delete(other);
    return updated;
  }

  /** A request opened `stream` with this Priority field ('' for none); `updated` is what `take` has given. */
  opened(stream: StreamRecord, field: string, updated: Priority | null): void {
    if (field !== '') this.aware = true;
    if (!this.aware) return;
    // RFC 9218 7: what PRIORITY_UPDATE said takes precedence over the field.
    const { urgency, incremental } = updated ?? (field === '' ? DEFAULT_PRIORITY : parsePriority(field));
    this.core.sender.scheduler.prioritise(stream, urgency, incremental);
  }

  /** The program overrides a stream's priority. */
  override(stream: StreamRecord, urgency: number, incremental: boolean): void {
    if (!Number.isInteger(urgency) || urgency < 0 || urgency > 7) {
      this.core.misuse('api.urgency', `urgency ${shown(urgency)} is not an integer from 0 to 7`);
    }
    this.core.sender.scheduler.prioritise(stream, urgency, incremental);
  }

  /** A PRIORITY_UPDATE frame. */
  onFrame(streamId: number, bytes: Uint8Array, start: number, length: number): void {
    const { core } = this;
    const type = FrameType.PRIORITY_UPDATE;
    if (streamId !== 0) throw new ConnectionError('frame.stream-nonzero', streamId, type);
    if (length < 4) throw new ConnectionError('priority-update.length', 0, type, `${length} octets`);
    const target = uint31(bytes, start);
    if (target === 0 || !core.isServer) throw new ConnectionError('priority-update.stream', target, type);
    const stream = core.registry.live.get(target);
    const idle = stream === undefined && core.registry.whyGone(target, core.now) === Gone.IDLE;
    // RFC 9218 7.1: "Servers that receive a PRIORITY_UPDATE for a push stream in the 'idle' state MUST respond ..."
    if (idle && !core.registry.isRemote(target)) throw new ConnectionError('priority-update.stream', target, type);
    core.guard.odd('odd.priority', target, type, core.now);
    this.aware = true;
    if (!core.options.obeyPriorities) return;
    let text = '';
    const end = start + Math.min(length, 4 + MAX_PRIORITY_VALUE);
    for (let at = start + 4; at < end; at++) text += String.fromCharCode(bytes[at] as number);
    const priority = parsePriority(text);
    if (stream !== undefined) {
      core.sender.scheduler.prioritise(stream, priority.urgency, priority.incremental);
    } else if (idle) {
      this.early ??= new Map();
      const { early } = this;
      if (!early.has(target)) this.admit(target, early.size);
      if (early.size < MAX_EARLY || early.has(target)) early.set(target, priority);
    }
  }

  /** RFC 9218 7.1: idle streams with a priority and active ones together must not exceed the stream limit we have set. */
  private admit(target: number, others: number): void {
    const { registry, local } = this.core;
    // In force once acknowledged: until then the client may not know of it.
    if (others + registry.remoteCount >= local.maxConcurrentStreams) {
      throw new ConnectionError('priority-update.limit', target, FrameType.PRIORITY_UPDATE);
    }
  }
}
