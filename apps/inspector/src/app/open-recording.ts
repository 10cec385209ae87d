/** The file chooser for recordings, which one input on the page stands for. */

/** Its id. */
export const RECORDING_INPUT = 'recording-file';

/** Lets the user choose a recording. */
export function openRecording(): void {
  document.getElementById(RECORDING_INPUT)?.click();
}
