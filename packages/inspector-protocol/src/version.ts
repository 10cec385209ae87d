/** Version of the wire format. A change that an older reader would misread raises it. */
export const PROTOCOL_VERSION = 5;

/**
 * The oldest version whose batches and recordings can be read. What came since: members that may be left out (3: the worker
 * of a connection and of a backend), a log that may be missing (4: octets), and other forms of the same (5: FIELDS and
 * EVENTS are binary; until then they were text, with sections packed as in a REPLY).
 */
export const OLDEST_READABLE_VERSION = 2;

/** The WebSocket subprotocol both sides must name. */
export const SUBPROTOCOL: string = `glassway.inspector.v${PROTOCOL_VERSION}`;
