'use client';

import { useState } from 'react';
import { Confirm } from '@/components/Confirm';
import { deleteHistory } from '@/server/history';

const HOUR = 3_600;
const SPANS: readonly { label: string; seconds: number | null }[] = [
  { label: 'The last hour', seconds: HOUR },
  { label: 'The last 24 hours', seconds: 24 * HOUR },
  { label: 'The last 7 days', seconds: 7 * 24 * HOUR },
  { label: 'Everything', seconds: null },
];

interface Props {
  onClose: () => void;
  onDeleted: () => void;
}

/** By time. A single conversation is deleted where it is read. */
export function DeleteHistory({ onClose, onDeleted }: Props) {
  const [chosen, setChosen] = useState(0);

  const confirm = async () => {
    await deleteHistory(SPANS[chosen]?.seconds ?? null);
    onDeleted();
  };
  return (
    <Confirm title="Delete from the history" action="Delete" onConfirm={confirm} onClose={onClose}>
      <fieldset className="mt-4">
        <legend className="sr-only">How much</legend>
        {SPANS.map(({ label }, index) => (
          <label key={label} className="flex min-h-11 items-center gap-3">
            <input type="radio" name="span" checked={index === chosen} onChange={() => setChosen(index)} className="size-4 accent-accent" />
            {label}
          </label>
        ))}
      </fieldset>
      <WhatGoes />
    </Confirm>
  );
}

/** The same for every deletion. */
export function WhatGoes() {
  return (
    <p className="mt-4 text-sm text-quiet text-pretty">
      Gone will be what was said, what tools were called with and gave back, summaries, what you asked to be remembered then, and n8n's records of the runs. What is on your lists and in your
      notes stays. It cannot be undone; a backup from before still has it.
    </p>
  );
}
