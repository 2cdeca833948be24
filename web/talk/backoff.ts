/** When to try again. All times in milliseconds. */

const DELAYS = [1_000, 2_000, 4_000, 8_000, 10_000];

/** Before the page's own try number `attempt` (from 0) to begin a talk. */
export function delayBefore(attempt: number): number {
  return DELAYS[Math.min(attempt, DELAYS.length - 1)] ?? 10_000;
}

/**
 * How livekit-client goes on in the same room, with its own refreshed token: soon at first, then every five seconds. After
 * this the page goes on by itself.
 */
export const SAME_SESSION_FOR = 60_000;
const RESUME_DELAYS = [0, 300, 1_200, 2_700];

export function resumeDelay(retryCount: number, elapsed: number): number | null {
  if (elapsed > SAME_SESSION_FOR) return null;
  return RESUME_DELAYS[retryCount] ?? 5_000;
}
