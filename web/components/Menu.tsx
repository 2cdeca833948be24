'use client';

import { ChevronRight, X } from 'lucide-react';
import { useEffect, useRef } from 'react';
import { made, type Info } from '@/server/api';
import { KEYS } from './useKeys';
import { Honesty } from './Welcome';

interface Props {
  open: boolean;
  onClose: () => void;
  name: string;
  info: Info | null;
  talking: boolean;
}

/** The other pages, the keys, and what this is. */
export function Menu({ open, onClose, name, info, talking }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);

  useEffect(() => {
    const element = dialog.current;
    if (open && element && !element.open) element.showModal();
    if (!open && element?.open) element.close();
  }, [open]);

  return (
    <dialog
      ref={dialog}
      aria-labelledby="menu-title"
      onClose={onClose}
      className="mx-auto mt-auto mb-0 w-full max-w-[28rem] rounded-t-2xl border border-line bg-paper p-6 text-ink sm:mb-auto sm:rounded-2xl"
    >
      {open && <MenuContents onClose={onClose} name={name} info={info} talking={talking} />}
    </dialog>
  );
}

function MenuContents({ onClose, name, info, talking }: Omit<Props, 'open'>) {
  return (
    <>
      <div className="flex items-center justify-between">
        <h2 id="menu-title" className="font-semibold">
          Menu
        </h2>
        <button type="button" aria-label="Close" title="Close (Esc)" onClick={onClose} className="-m-2 flex size-11 items-center justify-center rounded-full text-quiet hover:text-ink">
          <X aria-hidden="true" className="size-5" />
        </button>
      </div>
      <Pages talking={talking} />
      <h2 className="mt-6 border-t border-line pt-6 font-semibold">Keys</h2>
      <dl className="mt-4 grid grid-cols-[auto_1fr] gap-x-6 gap-y-2">
        {KEYS.map(({ key, does }) => (
          <div key={key} className="col-span-2 grid grid-cols-subgrid items-baseline">
            <dt>
              <kbd className="rounded border border-line px-2 py-0.5 font-sans text-sm">{key}</kbd>
            </dt>
            <dd className="text-quiet">{does}</dd>
          </div>
        ))}
      </dl>
      <h2 className="mt-6 border-t border-line pt-6 font-semibold">About {name}</h2>
      {info !== null && (
        <p className="mt-2 text-sm text-quiet">
          Answers are made with the model {info.model}, {made(info.madeWhere)}. Version {info.version}.
        </p>
      )}
      <Honesty info={info} className="mt-2 text-sm text-quiet" />
    </>
  );
}

const PAGES = [
  { path: '/history', name: 'History', about: 'What was said and done' },
  { path: '/tools', name: 'Tools', about: 'What can be done for you' },
] as const;

/** Beside a talk, not in its place: whoever leaves this page leaves the talk. */
function Pages({ talking }: { talking: boolean }) {
  return (
    <nav aria-label="Pages">
      <ul className="mt-4">
        {PAGES.map(({ path, name, about }) => (
          <li key={path}>
            <a href={path} {...(talking ? { target: '_blank', rel: 'noreferrer' } : {})} className="-mx-2 flex min-h-11 items-center gap-3 rounded px-2 hover:text-accent">
              <span className="flex-1">
                {name}
                <span className="block text-sm text-quiet">
                  {about}
                  {talking && ' (in another tab)'}
                </span>
              </span>
              <ChevronRight aria-hidden="true" className="size-4 shrink-0 text-quiet" />
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}
