'use client';

import { Fold } from '@/components/Fold';
import { dayAndClock } from '@/components/times';
import { useNow } from '@/components/useNow';
import type { Reminder } from '@/server/history';

interface Props {
  /** `null` until they were read. */
  reminders: readonly Reminder[] | null;
}

/** What workflows had to say, reminders above all: said already, or waiting for somebody to hear it. */
export function PastReminders({ reminders }: Props) {
  const now = useNow();

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
