import { ChevronRight } from 'lucide-react';
import { answerText, type Answer } from '@/conversation/thread';
import { AnswerDetails } from './AnswerDetails';

interface Props {
  answer: Answer;
  name: string;
}

export function AnswerLine({ answer, name }: Props) {
  return (
    <div className="max-w-[36rem] pr-6" data-line="answer" data-state={answer.state}>
      <p className="whitespace-pre-wrap break-words text-pretty">
        <span className="sr-only">{name}: </span>
        <span data-words="">{answerText(answer)}</span>
        {answer.state === 'interrupted' && <span className="sr-only"> (interrupted)</span>}
      </p>
      {answer.turn !== null && (
        <details className="group mt-1 text-sm text-quiet" onToggle={({ currentTarget }) => currentTarget.open && currentTarget.scrollIntoView({ block: 'nearest' })}>
          <summary className="inline-flex h-8 list-none items-center gap-1 rounded pr-2 hover:text-ink [&::-webkit-details-marker]:hidden">
            <ChevronRight aria-hidden="true" className="size-3.5 transition-transform group-open:rotate-90" />
            How it was made
          </summary>
          <AnswerDetails turn={answer.turn} />
        </details>
      )}
    </div>
  );
}
