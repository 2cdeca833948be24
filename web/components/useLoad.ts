'use client';

import { useCallback, useEffect, useState } from 'react';
import { isNotPaired } from '@/server/api';

const AGAIN_MS = 5_000;

export interface Loaded<T> {
  /** `null` until something was read. What was read stays while it is read again. */
  value: T | null;
  /** Why the last reading failed; `null` while that is not so. */
  failure: unknown;
  /** The server says nothing to a browser that is not paired. */
  shutOut: boolean;
  again: () => void;
}

interface Seen<T> {
  by: () => Promise<T>;
  value: T | null;
  failure: unknown;
}

/** Reads from the page's server: at once, whenever `load` is another one, when told, every `everyMs`, and soon after a failure. */
export function useLoad<T>(load: () => Promise<T>, everyMs?: number): Loaded<T> {
  const [seen, setSeen] = useState<Seen<T>>({ by: load, value: null, failure: null });
  const [round, setRound] = useState(0);
  const again = useCallback(() => setRound((count) => count + 1), []);

  useEffect(() => {
    let over = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const soon = (delay: number | undefined) => {
      if (!over && delay !== undefined) timer = setTimeout(again, delay);
    };
    load().then(
      (value) => {
        if (!over) setSeen({ by: load, value, failure: null });
        soon(everyMs);
      },
      (failure: unknown) => {
        if (!over) setSeen((before) => ({ by: load, value: before.by === load ? before.value : null, failure }));
        if (!isNotPaired(failure)) soon(AGAIN_MS);
      },
    );
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, [load, everyMs, round, again]);

  return { value: seen.value, failure: seen.failure, shutOut: isNotPaired(seen.failure), again };
}
