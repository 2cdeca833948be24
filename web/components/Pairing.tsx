'use client';

import { KeyRound } from 'lucide-react';
import { useEffect, useRef, type FormEvent } from 'react';
import { TroubleCard } from '@/trouble/TroubleCard';
import { Header } from './Header';
import { useOverflow } from './useOverflow';
import { usePairing } from './usePairing';

/** The conversation's page, loaded anew: it asks as the browser that is let in. */
const toConversation = () => location.replace('/');

/** In place of the conversation, for a browser that is not let in yet. */
export function Pairing({ letIn = toConversation }: { letIn?: () => void }) {
  const field = useRef<HTMLInputElement>(null);
  const [box, overflows] = useOverflow();
  const { busy, trouble, enter } = usePairing(letIn);

  // What a QR code led to holds the code behind the #, which no server sees; nor does the history keep it.
  useEffect(() => {
    const given = location.hash.slice(1);
    if (given === '' || field.current === null) return;
    history.replaceState(null, '', location.pathname);
    field.current.value = given;
    const timer = setTimeout(() => void enter(given), 0);
    return () => clearTimeout(timer);
  }, [enter]);

  const submit = () => {
    const typed = field.current?.value.trim() ?? '';
    if (typed === '') field.current?.focus();
    else if (!busy) void enter(typed);
  };
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    submit();
  };
  const typeAgain = () => {
    field.current?.focus();
    field.current?.select();
  };

  return (
    <div className="mx-auto flex h-dvh max-w-[44rem] flex-col px-4">
      <Header name="JEX" madeWhere={null} />
      {/* On a small screen it scrolls, rather than slide under the bar. */}
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
      <main ref={box} tabIndex={overflows ? 0 : undefined} className="flex min-h-0 flex-1 flex-col overflow-y-auto">
        <div className="my-auto flex flex-col items-center gap-4 pb-4 text-center">
          <KeyRound aria-hidden="true" className="size-8 text-accent" strokeWidth={1.5} />
          <h1 className="text-xl font-semibold text-balance">Pair this browser</h1>
          <p className="max-w-96 text-quiet text-pretty">JEX talks only to browsers that its owner has let in, once, with a code.</p>
          <p id="pairing-where" className="max-w-96 text-quiet text-pretty">
            The screen of the machine that JEX runs on shows it, and so does <code className="whitespace-nowrap text-ink">sudo jex pair</code> there.
          </p>
          <div className="text-left">
            <TroubleCard trouble={trouble} alone now={0} onRemedy={(remedy) => (remedy === 'type' ? typeAgain() : submit())} />
          </div>
        </div>
      </main>
      <footer className="shrink-0 border-t border-line pt-3 pb-[max(0.75rem,env(safe-area-inset-bottom))]">
        <form onSubmit={onSubmit} className="flex flex-wrap items-center gap-2 sm:flex-nowrap">
          <input
            ref={field}
            type="text"
            aria-label="Code"
            aria-describedby="pairing-where"
            placeholder="Code from JEX's screen"
            maxLength={64}
            autoComplete="off"
            autoCapitalize="characters"
            autoCorrect="off"
            spellCheck={false}
            enterKeyHint="go"
            className="h-11 w-full min-w-0 rounded-full border border-line bg-transparent px-4 uppercase placeholder:text-quiet placeholder:normal-case focus:border-quiet sm:flex-1"
          />
          <button type="submit" disabled={busy} className="h-11 w-full rounded-full bg-accent px-6 font-semibold text-on-accent hover:opacity-90 disabled:opacity-60 sm:w-auto">
            {busy ? 'Pairing…' : 'Pair'}
          </button>
        </form>
      </footer>
    </div>
  );
}
