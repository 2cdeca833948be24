import { Cloud, LockKeyhole } from 'lucide-react';
import { HERE, made } from '@/server/api';

interface Props {
  name: string;
  /** Where the last answer was made; `null` before there is one. */
  madeWhere: string | null;
}

export function Header({ name, madeWhere }: Props) {
  const Mark = madeWhere === HERE ? LockKeyhole : Cloud;
  return (
    <header className="flex h-14 shrink-0 items-center justify-between">
      <p className="font-semibold">{name}</p>
      {madeWhere !== null && (
        <p className="flex items-center gap-1.5 text-sm text-quiet">
          <Mark aria-hidden="true" className="size-3.5 text-accent" />
          <span className="sr-only">The last answer was made </span>
          {made(madeWhere)}
        </p>
      )}
    </header>
  );
}
