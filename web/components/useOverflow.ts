'use client';

import { useCallback, useState, type RefCallback } from 'react';

/** Whether a box holds more than it shows: only such a one has to be reached by keyboard, to be scrolled. */
export function useOverflow(): [box: RefCallback<HTMLElement>, overflows: boolean] {
  const [overflows, setOverflows] = useState(false);

  const box = useCallback((element: HTMLElement | null) => {
    if (element === null) return;
    const size = new ResizeObserver(() => setOverflows(element.scrollHeight > element.clientHeight));
    for (const part of [element, ...element.children]) size.observe(part);
    return () => size.disconnect();
  }, []);
  return [box, overflows];
}
