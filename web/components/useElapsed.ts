'use client';

import { useEffect, useState } from 'react';

const SECOND_MS = 1_000;

/** Whole seconds since the page first saw this value; 0 for `null`. Clocks of two machines are not compared. */
export function useElapsed(value: string | null): number {
  const [seen, setSeen] = useState({ value, at: Date.now(), now: Date.now() });
  if (seen.value !== value) setSeen({ value, at: Date.now(), now: Date.now() });
  useEffect(() => {
    if (value === null) return undefined;
    const timer = setInterval(() => setSeen((before) => ({ ...before, now: Date.now() })), SECOND_MS);
    return () => clearInterval(timer);
  }, [value]);
  return value === null ? 0 : Math.floor((seen.now - seen.at) / SECOND_MS);
}
