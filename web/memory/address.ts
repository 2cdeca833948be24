/** Where a conversation of the history stands. */
export function addressOf(id: string): string {
  return `/history?conversation=${encodeURIComponent(id)}`;
}
