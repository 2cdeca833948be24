'use client';

import { useEffect, useState } from 'react';

const SECOND_MS = 1_000;

/** Whole seconds since the page first saw this value; 0 for `null`. Clocks of two machines are not compared. */
export function useElapsed(value: string | null): number {
  const [elapsed, setElapsed] = useState({ value, seconds: 0 });
  useEffect(() => {
    if (value === null) return undefined;
    const began = Date.now();
    const count = () => setElapsed({ value, seconds: Math.floor((Date.now() - began) / SECOND_MS) });
    const timer = setInterval(count, SECOND_MS);
    return () => clearInterval(timer);
  }, [value]);
  return elapsed.value === value ? elapsed.seconds : 0;
}
