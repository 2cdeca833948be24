'use client';

import { Trash2 } from 'lucide-react';
import { useCallback, useState } from 'react';
import { Confirm } from '@/components/Confirm';
import { Failure } from '@/components/Failure';
import { SidePage } from '@/components/SidePage';
import { dayAndClock } from '@/components/times';
import { useLoad } from '@/components/useLoad';
import { useNow } from '@/components/useNow';
import { deleteConversation, readConversation } from '@/server/history';
import { WhatGoes } from './DeleteHistory';
import { CallLine, SaidLine } from './lines';

const HISTORY = '/history';

/** One conversation, as it was. */
export function ConversationPage({ id, leave = () => location.replace(HISTORY) }: { id: string; leave?: () => void }) {
  const load = useCallback(() => readConversation(id), [id]);
  const now = useNow();
  const { value: conversation, failure, shutOut } = useLoad(load);
  const [deleting, setDeleting] = useState(false);

  const remove = conversation !== null && (
    <button type="button" aria-haspopup="dialog" aria-label="Delete…" title="Delete…" onClick={() => setDeleting(true)} className="-mr-3 flex h-11 min-w-11 shrink-0 items-center justify-center gap-2 rounded-full px-3 text-sm text-quiet hover:text-ink">
      <Trash2 aria-hidden="true" className="size-4" />
      <span className="max-sm:hidden">Delete…</span>
    </button>
  );
  return (
    <SidePage title={conversation === null ? 'A conversation' : dayAndClock(conversation.began, now)} back={{ href: HISTORY, label: 'Back to the history' }} action={remove} shutOut={shutOut}>
      <Failure failure={failure} />
      {conversation !== null && (
        <ol className="flex flex-col gap-6 py-4">
          {conversation.lines.map((line) => (
            <li key={line.id} className={line.kind === 'said' && line.speaker === 'caller' ? 'self-end' : 'max-w-full self-start'}>
              {line.kind === 'said' ? <SaidLine line={line} /> : <CallLine call={line} />}
            </li>
          ))}
        </ol>
      )}
      {conversation?.lines.length === 0 && <p className="mt-8 text-center text-quiet">Nothing was said.</p>}
      {deleting && (
        <Confirm
          title="Delete this conversation?"
          action="Delete"
          onConfirm={async () => {
            await deleteConversation(id);
            leave();
          }}
          onClose={() => setDeleting(false)}
        >
          <WhatGoes />
        </Confirm>
      )}
    </SidePage>
  );
}
