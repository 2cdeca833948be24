'use client';

import { ArrowUp } from 'lucide-react';
import { useState, type FormEvent, type KeyboardEvent, type Ref } from 'react';

interface Props {
  name: string;
  onSend: (text: string) => void;
  ref: Ref<HTMLTextAreaElement>;
}

/** Enter sends, Shift+Enter begins a new line. */
export function TextField({ name, onSend, ref }: Props) {
  const [text, setText] = useState('');

  const send = () => {
    const words = text.trim();
    if (words === '') return;
    onSend(words);
    setText('');
  };
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    send();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    // Enter also ends a composition of Chinese or Japanese: that one is not ours.
    if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    send();
  };

  return (
    <form onSubmit={onSubmit} className="flex items-end gap-1 rounded-3xl border border-line focus-within:border-quiet">
      <textarea
        ref={ref}
        rows={1}
        maxLength={4_000}
        aria-label={`Type to ${name}`}
        title="Type (/)"
        placeholder={`Type to ${name}`}
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={onKeyDown}
        className="field-sizing-content max-h-32 min-h-10 w-full min-w-0 flex-1 resize-none rounded-3xl bg-transparent px-4 py-2 placeholder:text-quiet"
      />
      <button
        type="submit"
        aria-label="Send"
        title="Send (Enter)"
        disabled={text.trim() === ''}
        className="m-0.5 flex size-9 shrink-0 items-center justify-center rounded-full text-accent disabled:text-quiet disabled:opacity-50"
      >
        <ArrowUp aria-hidden="true" className="size-5" />
      </button>
    </form>
  );
}
