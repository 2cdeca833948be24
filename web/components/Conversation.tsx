'use client';

import { isVisible, type Line, type Thread } from '@/conversation/thread';
import { AnswerLine } from './AnswerLine';
import { useFollow } from './useFollow';

interface Props {
  thread: Thread;
  name: string;
  /** BCP 47, of what is spoken; unknown until the server has said. */
  language?: string;
}

export function Conversation({ thread, name, language }: Props) {
  const lines = thread.filter(isVisible);
  const follow = useFollow(thread);

  if (lines.length === 0) return null;
  return (
    <section
      ref={follow}
      aria-label="What was said"
      lang={language}
      // Scrolls by keyboard, too.
      // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
      tabIndex={0}
      className="relative min-h-16 flex-1 overflow-y-auto overscroll-contain"
    >
      <ol className="flex min-h-full flex-col justify-end gap-6 px-1 py-4">
        {lines.map((line) => (
          <li key={line.key} className={line.kind === 'said' ? 'self-end' : line.kind === 'remark' ? 'self-center' : 'self-start'}>
            <LineText line={line} name={name} />
          </li>
        ))}
      </ol>
    </section>
  );
}

function LineText({ line, name }: { line: Line; name: string }) {
  switch (line.kind) {
    case 'answer':
      return <AnswerLine answer={line} name={name} />;
    case 'remark':
      return <p className="text-center text-sm text-quiet">{line.text}</p>;
    case 'said':
      return (
        <p data-line="said" data-final={line.final} className={`max-w-[34rem] pl-10 text-right whitespace-pre-wrap break-words text-pretty ${line.final && line.delivery === 'done' ? 'text-accent' : 'text-quiet'}`}>
          <span className="sr-only">You: </span>
          {line.text}
          {line.delivery === 'waiting' && <span className="block text-sm">Waits until {name} is there</span>}
          {line.delivery === 'unsent' && <span className="block text-sm">Not sent: you left before {name} was there</span>}
        </p>
      );
  }
}
