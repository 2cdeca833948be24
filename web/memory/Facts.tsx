'use client';

import { X } from 'lucide-react';
import { useState } from 'react';
import { Confirm } from '@/components/Confirm';
import { Fold } from '@/components/Fold';
import { dayAndClock } from '@/components/times';
import { useNow } from '@/components/useNow';
import { deleteFact, type Fact } from '@/server/history';

interface Props {
  /** `null` until they were read. */
  facts: readonly Fact[] | null;
  onForgotten: () => void;
}

/** What the owner asked JEX to remember. */
export function Facts({ facts, onForgotten }: Props) {
  const now = useNow();
  const [forgetting, setForgetting] = useState<Fact | null>(null);

  if (facts === null || facts.length === 0) return null;
  const forget = async () => {
    if (forgetting !== null) await deleteFact(forgetting.id);
    onForgotten();
  };
  return (
    <section aria-label="Remembered">
      <Fold summary={facts.length === 1 ? '1 thing you asked to be remembered' : `${facts.length} things you asked to be remembered`}>
        <ul className="border-l border-line pl-4">
          {facts.map((fact) => (
            <li key={fact.id} className="flex items-start gap-2 py-1">
              <p className="min-w-0 flex-1 py-2 break-words text-ink">
                {fact.text}
                <span className="block text-sm text-quiet">{dayAndClock(fact.at, now)}</span>
              </p>
              <button
                type="button"
                aria-haspopup="dialog"
                aria-label={`Forget: ${fact.text}`}
                title="Forget"
                onClick={() => setForgetting(fact)}
                className="flex size-11 shrink-0 items-center justify-center rounded-full hover:text-ink"
              >
                <X aria-hidden="true" className="size-4" />
              </button>
            </li>
          ))}
        </ul>
      </Fold>
      {forgetting !== null && (
        <Confirm title="Forget this?" action="Forget" onConfirm={forget} onClose={() => setForgetting(null)}>
          <p className="mt-4 break-words">{forgetting.text}</p>
          <p className="mt-4 text-sm text-quiet">The conversation in which you said it stays.</p>
        </Confirm>
      )}
    </section>
  );
}
