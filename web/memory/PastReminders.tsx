'use client';

import { Fold } from '@/components/Fold';
import { dayAndClock } from '@/components/times';
import { useLoad } from '@/components/useLoad';
import { useNow } from '@/components/useNow';
import { readReminders } from '@/server/history';

/** What workflows had to say, reminders above all: said already, or waiting for somebody to hear it. */
export function PastReminders() {
  const now = useNow();
  const { value: reminders } = useLoad(readReminders);

  if (reminders === null || reminders.length === 0) return null;
  const waiting = reminders.filter(({ spoken }) => !spoken).length;
  const count = reminders.length === 1 ? '1 reminder' : `${reminders.length} reminders`;
  return (
    <section aria-label="Reminders">
      <Fold summary={waiting === 0 ? count : `${count}, ${waiting} not said yet`}>
        <ul className="border-l border-line pl-4">
          {reminders.map(({ id, text, at, spoken }) => (
            <li key={id} className="py-2">
              <p className="break-words text-ink">{text}</p>
              <p>
                {dayAndClock(at, now)}
                {!spoken && ', not said yet'}
              </p>
            </li>
          ))}
        </ul>
      </Fold>
    </section>
  );
}
