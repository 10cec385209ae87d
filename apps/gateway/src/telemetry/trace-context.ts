/** W3C Trace Context: who asked, and what is said to the backend. https://www.w3.org/TR/trace-context/ */
import type { FieldList } from '@glassway/h2-core';

/** A request's place in a trace. */
export interface SpanContext {
  /** 32 hexadecimal digits, not all 0. */
  readonly traceId: string;
  /** Of our own span: 16 hexadecimal digits. */
  readonly spanId: string;
  /** Of the caller's span, empty when the trace begins here. */
  readonly parentId: string;
  /** Whether the span is recorded, here and further on. */
  readonly sampled: boolean;
}

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const ZEROS = /^0+$/;

/** Reads `traceparent`; null: absent, several, or not in its form, and then the trace begins anew. */
export function readParent(fields: FieldList): { traceId: string; parentId: string; sampled: boolean } | null {
  let value: string | null = null;
  for (let i = 0; i + 1 < fields.length; i += 2) {
    if (fields[i] !== 'traceparent') continue;
    if (value !== null) return null;
    value = fields[i + 1]!;
  }
  const match = value === null ? null : TRACEPARENT.exec(value);
  if (match === null) return null;
  const [, version, traceId, parentId, flags, more] = match;
  // Later versions may add to the end; of version 00 and the forbidden ff nothing is known to follow.
  if (version === 'ff' || (version === '00' && more !== undefined)) return null;
  if (ZEROS.test(traceId!) || ZEROS.test(parentId!)) return null;
  return { traceId: traceId!, parentId: parentId!, sampled: (Number.parseInt(flags!, 16) & 1) === 1 };
}

/**
 * The fields with our own `traceparent` in place of the caller's. Where the trace begins anew, the caller's `tracestate` goes
 * too. Positions of other fields are kept by leaving the place of a dropped one to the new field or an empty state.
 */
export function withContext(fields: FieldList, span: SpanContext): FieldList {
  const value = `00-${span.traceId}-${span.spanId}-${span.sampled ? '01' : '00'}`;
  const out = [...fields];
  let placed = false;
  for (let i = 0; i + 1 < out.length; i += 2) {
    if (out[i] === 'traceparent') {
      out[i + 1] = value;
      placed = true;
    } else if (out[i] === 'tracestate' && span.parentId === '') out[i + 1] = '';
  }
  if (!placed) out.push('traceparent', value);
  return out;
}
