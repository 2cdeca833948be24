import { answerText, type Answer } from '@/conversation/thread';
import { AnswerDetails } from './AnswerDetails';
import { Fold } from './Fold';

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
        <Fold summary="How it was made">
          <AnswerDetails turn={answer.turn} />
        </Fold>
      )}
    </div>
  );
}
