import { CircleAlert } from 'lucide-react';
import { Refusal, ServerSlow } from '@/server/api';
import { Words } from '@/trouble/TroubleCard';
import { sentence } from '@/trouble/connection';

/** Why something cannot be read or done, in a sentence, and what to do. The region stands always, so that it is heard. */
export function Failure({ failure }: { failure: unknown }) {
  const [what, todo] = words(failure);
  return (
    <div role="alert" aria-atomic="true">
      {what !== '' && (
        <div className="flex gap-3 py-4" data-failure="">
          <CircleAlert aria-hidden="true" className="mt-0.5 size-5 shrink-0 text-accent" />
          <div className="min-w-0 break-words">
            <p className="font-semibold text-pretty">{what}</p>
            <p className="mt-1 text-quiet text-pretty">
              <Words text={todo} />
            </p>
          </div>
        </div>
      )}
    </div>
  );
}

function words(failure: unknown): [what: string, todo: string] {
  if (failure === null) return ['', ''];
  if (failure instanceof Refusal) {
    return [sentence(failure.message) || "JEX's server refused.", sentence(failure.remedy) || 'Look at `jex logs web`.'];
  }
  if (failure instanceof ServerSlow) {
    return ['JEX takes long to answer.', "Wait a moment and try again: after something was deleted it is taken out of the database's files, which can take half a minute."];
  }
  return ['JEX does not answer: the server of this page is gone.', 'Start it with `jex up` on the machine it runs on; this page goes on by itself.'];
}
