import { Cloud, LockKeyhole } from 'lucide-react';

interface Props {
  name: string;
  /** Where the last answer was made; `null` before there is one. */
  madeWhere: string | null;
}

const HERE = 'on this machine';

export function Header({ name, madeWhere }: Props) {
  const Mark = madeWhere === HERE ? LockKeyhole : Cloud;
  return (
    <header className="flex h-14 shrink-0 items-center justify-between">
      <p className="font-semibold">{name}</p>
      {madeWhere !== null && (
        <p className="flex items-center gap-1.5 text-sm text-quiet">
          <Mark aria-hidden="true" className="size-3.5 text-accent" />
          <span className="sr-only">The last answer was made </span>
          {madeWhere === HERE ? madeWhere : `by ${madeWhere}`}
        </p>
      )}
    </header>
  );
}
