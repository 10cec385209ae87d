/** A request's pseudo-fields. RFC 9113 8.3.1, RFC 8441 4. */
export type PseudoField = ':method' | ':scheme' | ':authority' | ':path' | ':protocol';

/** By the number that stands for it in a packed order; 0 is none. */
const BY_CODE: readonly (PseudoField | '')[] = ['', ':method', ':scheme', ':authority', ':path', ':protocol'];

/** How requests are written unless told otherwise. */
export const DEFAULT_PSEUDO_ORDER: readonly PseudoField[] = [':method', ':protocol', ':scheme', ':authority', ':path'];

/** What an order may be, as the end of a sentence. */
export const PSEUDO_ORDER_RANGE: string = `an array of ${DEFAULT_PSEUDO_ORDER.join(' ')}, each at most once`;

/** True for an order that a program may give. */
export function isPseudoOrder(order: readonly string[]): order is readonly PseudoField[] {
  if (!Array.isArray(order)) return false;
  return order.every((name, at) => DEFAULT_PSEUDO_ORDER.includes(name) && order.indexOf(name) === at);
}

/** The order with what it leaves out behind it. */
export function completeOrder(order: readonly PseudoField[]): readonly PseudoField[] {
  if (order.length === DEFAULT_PSEUDO_ORDER.length) return order;
  return [...order, ...DEFAULT_PSEUDO_ORDER.filter(name => !order.includes(name))];
}

/** Orders that have come, by their packed form: three bits for each field. There are at most 326. */
const SEEN: Map<number, readonly PseudoField[]> = new Map();
let lastPacked = 0;
let lastOrder: readonly PseudoField[] = [];

/** The pseudo-fields of a valid request in the order in which they came. */
export function pseudoOrderOf(packed: number): readonly PseudoField[] {
  if (packed === lastPacked) return lastOrder;
  let order = SEEN.get(packed);
  if (order === undefined) {
    const names: PseudoField[] = [];
    for (let rest = packed; rest !== 0; rest >>>= 3) names.unshift(BY_CODE[rest & 7] as PseudoField);
    order = Object.freeze(names);
    SEEN.set(packed, order);
  }
  lastPacked = packed;
  lastOrder = order;
  return order;
}
