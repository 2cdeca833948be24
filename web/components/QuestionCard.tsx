'use client';

import { Check, X } from 'lucide-react';
import { useLayoutEffect, useRef, useState, type RefObject } from 'react';
import type { Question } from '@/conversation/question';

interface Props {
  question: Question;
  name: string;
  /** Rejects where the answer did not arrive. */
  onAnswer: (id: Question['id'], yes: boolean) => Promise<void>;
}

/** What is asked before something is done. It takes no focus: whoever types goes on typing. One keyed by its question. */
export function QuestionCard({ question, name, onAnswer }: Props) {
  const card = useRef<HTMLDivElement>(null);
  const [state, setState] = useState<'open' | 'sending' | 'lost'>('open');
  useFocusBack(card);

  const answer = (yes: boolean) => {
    if (state === 'sending') return;
    setState('sending');
    onAnswer(question.id, yes).then(
      () => setState('open'),
      () => setState('lost'),
    );
  };

  return (
    <div ref={card} role="group" aria-labelledby="question" aria-busy={state === 'sending'} className="border-t border-line px-1 py-4" data-question="">
      <p id="question" className="font-semibold text-pretty break-words">
        {question.text}
      </p>
      <p className="mt-1 text-sm text-quiet text-pretty" data-testid="question-hint">
        {hint(question, state === 'lost', name)}
      </p>
      <p className="mt-3 flex flex-wrap gap-2">
        <button
          type="button"
          data-control="yes"
          title="Yes (Y)"
          disabled={!question.asked}
          onClick={() => answer(true)}
          className="flex h-11 items-center gap-2 rounded-full border border-accent px-5 font-semibold text-accent hover:bg-accent hover:text-on-accent disabled:border-line disabled:bg-transparent disabled:text-quiet"
        >
          <Check aria-hidden="true" className="size-4" />
          Yes
        </button>
        <button
          type="button"
          data-control="no"
          title="No (N)"
          onClick={() => answer(false)}
          className="flex h-11 items-center gap-2 rounded-full border border-line px-5 font-semibold hover:border-quiet"
        >
          <X aria-hidden="true" className="size-4" />
          No
        </button>
      </p>
    </div>
  );
}

function hint({ asked }: Question, lost: boolean, name: string): string {
  if (lost) return `${name} did not get your answer. Press again, or say it.`;
  if (!asked) return `${name} is asking; a yes counts once you have heard it to the end.`;
  return 'Say it, type it or press it. Anything but a yes within half a minute is a no.';
}

/** Said to a screen reader as it comes. The region stands always, so that what appears in it is heard. */
export function QuestionAnnouncer({ question, name }: { question: Question | null; name: string }) {
  return (
    <p aria-live="polite" className="sr-only" data-testid="question-announcer">
      {question !== null && `${name} asks: ${question.text} Y is yes, N is no.`}
    </p>
  );
}

/** Whoever pressed a button of it is not left nowhere when it goes. */
function useFocusBack(card: RefObject<HTMLDivElement | null>) {
  useLayoutEffect(() => {
    const element = card.current;
    return () => {
      if (element?.contains(document.activeElement)) document.querySelector<HTMLElement>('[data-control=mute]')?.focus();
    };
  }, [card]);
}
