/** What was sent to a viewer and not yet acknowledged. */

/** Messages of one log that wait for acknowledgement, oldest first. */
export class Unacknowledged {
  /** Octets of all of them. */
  bytes = 0;
  readonly #sent: { readonly to: number; readonly bytes: number }[] = [];
  #last = 0;

  /** A message was sent that speaks for everything before `to`. */
  sent(to: number, bytes: number): void {
    this.#sent.push({ to, bytes });
    this.bytes += bytes;
    this.#last = to;
  }

  /** The viewer has taken in everything before `to`. False: that was never sent. */
  acknowledge(to: number): boolean {
    if (to > this.#last) return false;
    let done = 0;
    while (done < this.#sent.length && this.#sent[done]!.to <= to) this.bytes -= this.#sent[done++]!.bytes;
    this.#sent.splice(0, done);
    return true;
  }

  /** The viewer starts anew: nothing is outstanding that it will acknowledge. Late acknowledgements stay legal. */
  reset(): void {
    this.#sent.length = 0;
    this.bytes = 0;
  }
}
