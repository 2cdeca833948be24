'use client';

import { useCallback, useEffect, useState } from 'react';
import { useLoad } from '@/components/useLoad';
import { readHistory, type Heading, type Headings } from '@/server/history';

export interface History {
  /** `null` until the first were read. */
  conversations: readonly Heading[] | null;
  failure: unknown;
  shutOut: boolean;
  /** There are older ones; `null` where there are none. */
  more: (() => void) | null;
  again: () => void;
}

/** Those in which these words were said, the newest first, and older ones as they are asked for. */
export function useHistory(query: string): History {
  const load = useCallback(() => readHistory(query, null), [query]);
  const { value: first, failure, shutOut, again } = useLoad(load);
  const [older, setOlder] = useState<{ than: Headings | null; pages: readonly Headings[] }>({ than: null, pages: [] });
  const [olderFailure, setOlderFailure] = useState<unknown>(null);

  // What was read below another beginning is of no use.
  const pages = first === null ? [] : older.than === first ? [first, ...older.pages] : [first];
  const next = pages.at(-1)?.next ?? null;
  const more = () => {
    if (first === null || next === null) return;
    readHistory(query, next).then(
      (page) => {
        setOlder((before) => ({ than: first, pages: before.than === first ? [...before.pages, page] : [page] }));
        setOlderFailure(null);
      },
      (error: unknown) => setOlderFailure(error),
    );
  };

  return {
    conversations: first === null ? null : joined(pages),
    failure: failure ?? olderFailure,
    shutOut,
    more: next === null ? null : more,
    again,
  };
}

/** A conversation with many matches may be on several pages. */
export function joined(pages: readonly Headings[]): readonly Heading[] {
  const known = new Map<string, Heading>();
  for (const heading of pages.flatMap(({ conversations }) => conversations)) {
    const before = known.get(heading.id);
    known.set(heading.id, before === undefined ? heading : { ...before, matches: [...before.matches, ...heading.matches] });
  }
  return [...known.values()];
}

/** What stands still for a moment. */
export function useSettled<T>(value: T, forMs: number): T {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), forMs);
    return () => clearTimeout(timer);
  }, [value, forMs]);
  return settled;
}
