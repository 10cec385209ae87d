/** Version of the wire format. A change that an older reader would misread raises it. */
export const PROTOCOL_VERSION = 4;

/**
 * The oldest version whose batches and recordings can be read: what came since are members that may be left out (3: the
 * worker of a connection and of a backend) and a log that may be missing (4: octets).
 */
export const OLDEST_READABLE_VERSION = 2;

/** The WebSocket subprotocol both sides must name. */
export const SUBPROTOCOL: string = `glassway.inspector.v${PROTOCOL_VERSION}`;
