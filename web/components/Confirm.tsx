'use client';

import { useLayoutEffect, useRef, useState, type ReactNode } from 'react';
import { Failure } from './Failure';

interface Props {
  title: string;
  /** What will be gone, and what stays. */
  children: ReactNode;
  /** What the button does, in a word. */
  action: string;
  onConfirm: () => Promise<void>;
  onClose: () => void;
}

/** Asks before something is done that cannot be undone. It closes once that is done. */
export function Confirm({ title, children, action, onConfirm, onClose }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<unknown>(null);

  // Before the next key is read.
  useLayoutEffect(() => {
    if (dialog.current?.open === false) dialog.current.showModal();
  }, []);

  const confirm = () => {
    if (busy) return;
    setBusy(true);
    setFailure(null);
    onConfirm().then(onClose, (error: unknown) => {
      setBusy(false);
      setFailure(error);
    });
  };

  return (
    <dialog
      ref={dialog}
      aria-labelledby="confirm-title"
      onClose={onClose}
      className="mx-auto mt-auto mb-0 max-h-[90dvh] w-full max-w-[28rem] overflow-y-auto rounded-t-2xl border border-line bg-paper p-6 text-ink sm:mb-auto sm:rounded-2xl"
    >
      <h2 id="confirm-title" className="font-semibold text-balance">
        {title}
      </h2>
      {children}
      <Failure failure={failure} />
      <p className="mt-6 flex flex-wrap justify-end gap-2">
        {/* First: what Enter does. */}
        <button type="button" onClick={() => dialog.current?.close()} className="h-11 rounded-full border border-line px-5 font-semibold hover:border-quiet">
          Keep
        </button>
        <button
          type="button"
          aria-busy={busy}
          onClick={confirm}
          className="h-11 rounded-full border border-accent px-5 font-semibold text-accent hover:bg-accent hover:text-on-accent"
        >
          {busy ? 'One moment…' : action}
        </button>
      </p>
    </dialog>
  );
}
