/**
 * What the merged hub reads from: other hubs, looked at as any viewer would look. Today these are the workers of this
 * machine, over a socket each; whoever can carry the inspector's messages can be one.
 */

/** A process whose hub can be looked at. */
export interface HubInput {
  /** Its number among the workers, from 1; its connections' facts say the same. */
  readonly worker: number;
  /** Looks at it: HELLO comes first. Nothing is to be sent there, and nothing done, while nobody looks. */
  open(events: InputEvents): InputChannel;
}

/** What comes in. */
export interface InputEvents {
  /** A message of the hub; a binary one begins its buffer. */
  message(data: string | ArrayBuffer): void;
  /** It ended, or cannot be reached. Once, and not after `close`. */
  closed(): void;
}

/** A way to a hub. */
export interface InputChannel {
  /** Sends a message of a client. */
  send(text: string): void;
  /** Looks no longer. */
  close(): void;
}
