const ignore = (): void => {};

/** A promise and the means to settle it. */
export class Deferred<T> {
  readonly promise: Promise<T>;
  resolve!: (value: T) => void;
  /** Rejects; the host reports it as unhandled when nobody waits. For the program's own failures. */
  refuse!: (reason: unknown) => void;

  constructor() {
    this.promise = new Promise<T>((resolve, reject) => {
      this.resolve = resolve;
      this.refuse = reject;
    });
  }

  /**
   * Rejects, quietly when nobody waits: a peer's failure is told in several places, and a program that looks at one of
   * them must not be ended for the others.
   */
  reject(reason: unknown): void {
    this.promise.catch(ignore);
    this.refuse(reason);
  }
}
