import { CircleAlert } from 'lucide-react';
import type { Remedy, Trouble } from './trouble';

interface Props {
  trouble: Trouble | null;
  /** Nothing is said yet: it stands in the middle of the page. */
  alone: boolean;
  now: number;
  onRemedy: (remedy: Remedy) => void;
}

/** The region stands always, so that a screen reader hears what appears in it; the count-down is not read out. */
export function TroubleCard({ trouble, alone, now, onRemedy }: Props) {
  return (
    <div className={alone ? 'mx-auto mt-4 max-w-[30rem]' : ''}>
      <div role="alert" aria-atomic="true">
        {trouble !== null && (
          <div className={`flex gap-3 px-1 pt-4 ${alone ? '' : 'border-t border-line'}`} data-trouble={trouble.id}>
            <CircleAlert aria-hidden="true" className="mt-0.5 size-5 shrink-0 text-accent" />
            <div>
              <p className="font-semibold text-pretty">{trouble.what}</p>
              <p className="mt-1 text-quiet text-pretty">
                <Words text={trouble.todo} />
              </p>
            </div>
          </div>
        )}
      </div>
      {trouble !== null && (
        <p className="flex flex-wrap items-center gap-4 py-4 pl-9">
          <button
            type="button"
            onClick={() => onRemedy(trouble.button.does)}
            className="h-11 rounded-full border border-accent px-5 font-semibold text-accent hover:bg-accent hover:text-on-accent"
          >
            {trouble.button.label}
          </button>
          {typeof trouble.nextTryAt === 'number' && (
            <span className="text-sm text-quiet tabular-nums" data-testid="countdown">
              {countdown(trouble.nextTryAt - now)}
            </span>
          )}
        </p>
      )}
    </div>
  );
}

function countdown(milliseconds: number): string {
  const seconds = Math.ceil(milliseconds / 1_000);
  return seconds > 0 ? `Next try in ${seconds} s` : 'Trying now';
}

/** Commands stand out: `jex status`. */
export function Words({ text }: { text: string }) {
  return text.split('`').map((part, index) =>
    index % 2 === 1 ? (
      <code key={index} className="whitespace-nowrap text-ink">
        {part}
      </code>
    ) : (
      part
    ),
  );
}
