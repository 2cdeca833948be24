'use client';

import { BellRing } from 'lucide-react';
import { readReminders } from '@/server/history';
import { dayAndClock } from './times';
import { useLoad } from './useLoad';
import { useNow } from './useNow';

const EVERY_MS = 20_000;

/** What came while nobody was there to hear it. It is spoken in the next conversation, and then stands in the history. */
export function Reminders({ talking }: { talking: boolean }) {
  const now = useNow();
  const { value } = useLoad(readReminders, talking ? 5_000 : EVERY_MS);
  const due = (value ?? []).filter(({ spoken }) => !spoken);

  if (due.length === 0) return null;
  return (
    <section aria-labelledby="reminders" className="mx-auto mt-6 w-full max-w-[30rem] px-1" data-testid="reminders">
      <h2 id="reminders" className="flex items-center gap-2 text-sm text-quiet">
        <BellRing aria-hidden="true" className="size-4 text-accent" />
        Not said to you yet
      </h2>
      <ul className="mt-1">
        {due.map(({ id, text, at }) => (
          <li key={id} className="flex flex-wrap justify-between gap-x-4 py-1">
            <span className="min-w-0 break-words">{text}</span>
            <span className="text-sm text-quiet">{dayAndClock(at, now)}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}
