'use client';

import { useCallback, useState } from 'react';
import { pair, readInfo, Refusal } from '@/server/api';
import { pairingTrouble } from '@/trouble/pairing';
import type { Trouble } from '@/trouble/trouble';

export interface PairingState {
  busy: boolean;
  trouble: Trouble | null;
  enter: (code: string) => Promise<void>;
}

/** Hands the code in; whoever is let in then goes to the conversation. */
export function usePairing(letIn: () => void): PairingState {
  const [busy, setBusy] = useState(false);
  const [trouble, setTrouble] = useState<Trouble | null>(null);

  const enter = useCallback(
    async (code: string) => {
      setBusy(true);
      setTrouble(null);
      try {
        await pair(code).catch(unlessPaired);
        letIn();
      } catch (error) {
        setTrouble(pairingTrouble(error));
        setBusy(false);
      }
    },
    [letIn],
  );

  return { busy, trouble, enter };
}

/** The address may be opened a second time, or on JEX's own machine, where nobody needs a code. */
async function unlessPaired(error: unknown): Promise<void> {
  if (!(error instanceof Refusal)) throw error;
  await readInfo().catch(() => {
    throw error;
  });
}
