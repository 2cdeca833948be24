/** A trouble: one sentence that says what, one that says what to do, and a button that does it. */

export type Remedy =
  | 'try-now'
  | 'begin-again'
  | 'microphone'
  | 'type'
  | 'play'
  | 'stop-answer'
  | 'ask-again'
  | 'reload';

export interface Trouble {
  /** Names the condition; the same trouble keeps it, so that it is announced once. */
  id: string;
  what: string;
  todo: string;
  button: { label: string; does: Remedy };
  /** When the page tries again by itself, in milliseconds since 1970. */
  nextTryAt?: number | null;
}
