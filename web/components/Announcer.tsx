import { answerText, type Answer, type Thread } from '@/conversation/thread';

/** Reads each answer out once it is whole: word by word would be noise. */
export function Announcer({ thread, name }: { thread: Thread; name: string }) {
  const answer = thread.findLast((line): line is Answer => line.kind === 'answer' && line.state !== 'speaking');
  return (
    <p aria-live="polite" className="sr-only" data-testid="announcer">
      {answer !== undefined && `${name}: ${answerText(answer)}`}
    </p>
  );
}
