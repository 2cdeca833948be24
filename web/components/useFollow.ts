'use client';

import { useCallback, useLayoutEffect, useRef, type RefCallback } from 'react';

/** Close enough to the end to be there, in pixels. */
const AT_END = 32;

/** Keeps the end of a box in sight while `content` grows and the box shrinks, but only for one who reads there. */
export function useFollow(content: unknown): RefCallback<HTMLElement> {
  const box = useRef<HTMLElement | null>(null);
  const atEnd = useRef(true);
  /** As last left, to notice a scroll whose event has not come yet. */
  const left = useRef({ top: 0, height: 0 });

  const follow = useCallback(() => {
    const element = box.current;
    if (element === null) return;
    const { top, height } = left.current;
    if (Math.abs(element.scrollTop - top) > 1) atEnd.current = height - element.scrollTop - element.clientHeight < AT_END;
    if (atEnd.current) element.scrollTop = element.scrollHeight;
    left.current = { top: element.scrollTop, height: element.scrollHeight };
  }, []);

  useLayoutEffect(follow, [content, follow]);

  return useCallback(
    (element: HTMLElement | null) => {
      box.current = element;
      if (element === null) return;
      const onScroll = () => {
        atEnd.current = element.scrollHeight - element.scrollTop - element.clientHeight < AT_END;
        left.current = { top: element.scrollTop, height: element.scrollHeight };
      };
      const size = new ResizeObserver(follow);
      size.observe(element);
      element.addEventListener('scroll', onScroll, { passive: true });
      return () => {
        box.current = null;
        size.disconnect();
        element.removeEventListener('scroll', onScroll);
      };
    },
    [follow],
  );
}
