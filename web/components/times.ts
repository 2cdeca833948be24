/** Moments in words, in the browser's own manner where that is English, like the page. All in milliseconds since 1970. */

const DAY_MS = 24 * 60 * 60 * 1_000;

function locale(): string {
  return navigator.language.startsWith('en') ? navigator.language : 'en-GB';
}

/** "14:05" */
export function clock(at: number): string {
  return new Intl.DateTimeFormat(locale(), { hour: '2-digit', minute: '2-digit' }).format(at);
}

/** "Today", "Yesterday", "Thursday, 5 March", "5 March 2025" */
export function day(at: number, now: number): string {
  const days = Math.round((midnight(now) - midnight(at)) / DAY_MS);
  if (days === 0) return 'Today';
  if (days === 1) return 'Yesterday';
  const sameYear = new Date(at).getFullYear() === new Date(now).getFullYear();
  return new Intl.DateTimeFormat(locale(), sameYear ? { weekday: 'long', day: 'numeric', month: 'long' } : { day: 'numeric', month: 'long', year: 'numeric' }).format(at);
}

/** "Today at 14:05", "Thursday, 5 March at 14:05" */
export function dayAndClock(at: number, now: number): string {
  return `${day(at, now)} at ${clock(at)}`;
}

/** By the calendar: a day in which the clocks change is a day. */
function midnight(at: number): number {
  return new Date(at).setHours(0, 0, 0, 0);
}
