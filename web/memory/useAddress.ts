'use client';

import { useSyncExternalStore } from 'react';

/** What the page's address asks for; `null` while the page is still as its server made it, without knowing. */
export function useAddress(): URLSearchParams | null {
  const search = useSyncExternalStore(
    () => () => undefined,
    () => location.search,
    () => null,
  );
  return search === null ? null : new URLSearchParams(search);
}
