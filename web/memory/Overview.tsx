'use client';

import { Search, Trash2 } from 'lucide-react';
import { useState } from 'react';
import { Failure } from '@/components/Failure';
import { SidePage } from '@/components/SidePage';
import { useLoad } from '@/components/useLoad';
import { readFacts, readReminders } from '@/server/history';
import { Progress } from '@/tools/Progress';
import { ConversationList } from './ConversationList';
import { DeleteHistory } from './DeleteHistory';
import { Facts } from './Facts';
import { PastReminders } from './PastReminders';
import { useHistory, useSettled } from './useHistory';

const TYPING_MS = 250;

/** Everything that JEX remembers. */
export function Overview() {
  const [typed, setTyped] = useState('');
  const query = useSettled(typed.trim(), TYPING_MS);
  const { conversations, failure, shutOut, more, again } = useHistory(query);
  const { value: reminders, again: remindersAgain } = useLoad(readReminders);
  const { value: facts, again: factsAgain } = useLoad(readFacts);
  const [deleting, setDeleting] = useState(false);

  const allAgain = () => {
    again();
    remindersAgain();
    factsAgain();
  };
  return (
    <SidePage title="History" back={{ href: '/', label: 'Back to the conversation' }} shutOut={shutOut}>
      <form role="search" onSubmit={(event) => event.preventDefault()} className="relative mt-2">
        <Search aria-hidden="true" className="pointer-events-none absolute top-3.5 left-4 size-4 text-quiet" />
        <input
          type="search"
          aria-label="Search what was said"
          placeholder="Search what was said"
          maxLength={200}
          value={typed}
          onChange={(event) => setTyped(event.target.value)}
          autoComplete="off"
          enterKeyHint="search"
          className="h-11 w-full rounded-full border border-line bg-transparent pr-4 pl-11 placeholder:text-quiet focus:border-quiet"
        />
      </form>
      <Failure failure={failure} />
      {failure !== null && <Progress only={['postgresql']} />}
      {query === '' && (
        <div className="mt-4">
          <PastReminders reminders={reminders} />
          <Facts facts={facts} onForgotten={factsAgain} />
        </div>
      )}
      <p role="status" className="sr-only">
        {query !== '' && conversations !== null && (conversations.length === 1 ? '1 conversation' : `${conversations.length} conversations`)}
      </p>
      {conversations !== null && <ConversationList conversations={conversations} query={query} />}
      {more !== null && (
        <p className="mt-4 text-center">
          <button type="button" onClick={more} className="h-11 rounded-full border border-line px-5 text-sm font-semibold hover:border-quiet">
            Older ones
          </button>
        </p>
      )}
      {query === '' && conversations !== null && conversations.length > 0 && (
        <p className="mt-8 border-t border-line pt-4">
          <button type="button" aria-haspopup="dialog" onClick={() => setDeleting(true)} className="-ml-2 flex h-11 items-center gap-2 rounded-full px-2 text-sm text-quiet hover:text-ink">
            <Trash2 aria-hidden="true" className="size-4" />
            Delete…
          </button>
        </p>
      )}
      {deleting && <DeleteHistory onClose={() => setDeleting(false)} onDeleted={allAgain} />}
    </SidePage>
  );
}
