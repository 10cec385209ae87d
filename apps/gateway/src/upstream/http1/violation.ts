/** Why a message is not HTTP/1.1 as we accept or send it. */
export interface Violation {
  /** A sentence about what is wrong. */
  readonly text: string;
  /** RFC number and section of the rule, `9112 6.3`. */
  readonly rfc: string;
}

/** Makes a violation. */
export function violation(text: string, rfc: string): Violation {
  return { text, rfc };
}
