'use client';

import { AudioLines, Ellipsis, LogOut } from 'lucide-react';
import { useEffect, useRef, type RefObject } from 'react';
import type { Talk } from '@/talk/useTalk';
import { MicrophoneControl } from './MicrophoneControl';
import { TextField } from './TextField';

interface Props {
  talk: Talk;
  talking: boolean;
  name: string;
  field: RefObject<HTMLTextAreaElement | null>;
  onMenu: () => void;
}

export function Bar({ talk, talking, name, field, onMenu }: Props) {
  const bar = useRef<HTMLDivElement>(null);
  const pressed = useRef(false);

  // Whoever pressed Talk finds Mute under the same key, not Leave.
  useEffect(() => {
    if (!pressed.current) return;
    pressed.current = false;
    bar.current?.querySelector<HTMLButtonElement>(talking ? '[data-control=mute]' : '[data-control=talk]')?.focus();
  }, [talking]);

  return (
    <footer
      ref={bar}
      className="flex shrink-0 flex-wrap items-center gap-2 border-t border-line pt-3 pb-[max(0.75rem,env(safe-area-inset-bottom))] sm:flex-nowrap"
    >
      <div className="order-2 flex flex-1 gap-2 sm:order-1 sm:flex-none">
        {talking ? (
          <button
            key="leave"
            type="button"
            data-control="leave"
            title="Leave (Esc)"
            onClick={() => {
              pressed.current = true;
              talk.leave();
            }}
            className="flex h-11 items-center gap-2 rounded-full border border-line px-4 font-semibold hover:border-quiet"
          >
            <LogOut aria-hidden="true" className="size-4" />
            Leave
          </button>
        ) : (
          <button
            key="talk"
            type="button"
            data-control="talk"
            title="Talk (T)"
            onClick={() => {
              pressed.current = true;
              talk.begin(true);
            }}
            className="flex h-11 flex-1 items-center justify-center gap-2 rounded-full bg-accent px-6 font-semibold text-on-accent hover:opacity-90 sm:flex-none"
          >
            <AudioLines aria-hidden="true" className="size-4" />
            Talk
          </button>
        )}
        {talking && <MicrophoneControl talk={talk} />}
      </div>
      <div className="order-1 w-full sm:order-2 sm:flex-1">
        <TextField ref={field} name={name} onSend={talk.type} />
      </div>
      <button
        type="button"
        aria-haspopup="dialog"
        aria-label="Menu"
        title="Menu (?)"
        onClick={onMenu}
        className="order-3 flex size-11 items-center justify-center rounded-full text-quiet hover:text-ink"
      >
        <Ellipsis aria-hidden="true" className="size-5" />
      </button>
    </footer>
  );
}
