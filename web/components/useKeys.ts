'use client';

import { useEffect, useRef, type RefObject } from 'react';

interface Keys {
  menuOpen: boolean;
  talking: boolean;
  begin: () => void;
  leave: () => void;
  toggleMicrophone: () => void;
  stopAnswer: () => void;
  openMenu: () => void;
  field: RefObject<HTMLTextAreaElement | null>;
}

/** One definition: what is handled is what the menu lists. */
export const KEYS = [
  { key: 'T', does: 'Talk' },
  { key: 'Space', does: 'Mute the microphone, or open it' },
  { key: '.', does: 'Stop the answer, or what it does' },
  { key: 'Y', does: 'Yes, to a question' },
  { key: 'N', does: 'No, to a question' },
  { key: '/', does: 'Type' },
  { key: 'Enter', does: 'Send what you typed' },
  { key: 'Esc', does: 'Leave' },
  { key: '?', does: 'This list' },
] as const;

export function useKeys(keys: Keys) {
  const latest = useRef(keys);
  useEffect(() => {
    latest.current = keys;
  });

  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (!event.defaultPrevented && !event.ctrlKey && !event.metaKey && !event.altKey && handle(event, latest.current)) event.preventDefault();
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, []);
}

/** There while something is asked. */
function press(control: 'yes' | 'no'): boolean {
  const button = document.querySelector<HTMLButtonElement>(`[data-control=${control}]`);
  if (button === null || button.disabled) return false;
  button.click();
  return true;
}

function handle(event: KeyboardEvent, keys: Keys): boolean {
  // The dialog has its own: Esc closes it.
  if (keys.menuOpen) return false;
  const target = event.target instanceof Element ? event.target : null;

  if (target?.closest('textarea, input')) {
    // The first Esc leaves the field, the second the conversation.
    if (event.key !== 'Escape' || !(target instanceof HTMLElement)) return false;
    target.blur();
    return true;
  }

  switch (event.key) {
    case '/':
      keys.field.current?.focus();
      return true;
    case '?':
      keys.openMenu();
      return true;
    case 't':
    case 'T':
      if (keys.talking) return false;
      keys.begin();
      return true;
    case 'Escape':
      if (!keys.talking) return false;
      keys.leave();
      return true;
    case '.':
      if (!keys.talking) return false;
      keys.stopAnswer();
      return true;
    case 'y':
    case 'Y':
      return press('yes');
    case 'n':
    case 'N':
      return press('no');
    case ' ':
      // On a control, Space presses that control.
      if (!keys.talking || event.repeat || target?.closest('button, select, summary, a')) return false;
      keys.toggleMicrophone();
      return true;
    default:
      return false;
  }
}
