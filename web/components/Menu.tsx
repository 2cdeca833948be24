'use client';

import { X } from 'lucide-react';
import { useEffect, useRef } from 'react';
import { made, type Info } from '@/server/api';
import { KEYS } from './useKeys';
import { Honesty } from './Welcome';

interface Props {
  open: boolean;
  onClose: () => void;
  name: string;
  info: Info | null;
}

/** Keys, and what this is. */
export function Menu({ open, onClose, name, info }: Props) {
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
      {open && <MenuContents onClose={onClose} name={name} info={info} />}
    </dialog>
  );
}

function MenuContents({ onClose, name, info }: Omit<Props, 'open'>) {
  return (
    <>
      <div className="flex items-center justify-between">
        <h2 id="menu-title" className="font-semibold">
          Keys
        </h2>
        <button type="button" aria-label="Close" title="Close (Esc)" onClick={onClose} className="-m-2 flex size-11 items-center justify-center rounded-full text-quiet hover:text-ink">
          <X aria-hidden="true" className="size-5" />
        </button>
      </div>
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
