/** Why a browser was not paired, in the same shape as every trouble. */

import { Refusal, ServerGone } from '@/server/api';
import { sentence } from './connection';
import type { Trouble } from './trouble';

export function pairingTrouble(error: unknown): Trouble {
  const again = { label: 'Try again', does: 'try-now' } as const;

  if (error instanceof Refusal && error.code === 'wrong_code') {
    return { id: 'wrong-code', what: sentence(error.message), todo: sentence(error.remedy), button: { label: 'Type it again', does: 'type' } };
  }
  if (error instanceof Refusal) {
    return {
      id: 'refused',
      what: sentence(error.message) || 'The server of this page let nobody in.',
      todo: sentence(error.remedy) || 'Look at `jex logs web` on the machine that JEX runs on.',
      button: again,
    };
  }
  if (error instanceof ServerGone) {
    return {
      id: 'page-server-gone',
      what: 'JEX does not answer.',
      todo: 'See that the machine it runs on is on and in reach of this one.',
      button: again,
    };
  }
  return { id: 'unknown', what: `This browser could not be paired: ${sentence(String(error))}`, todo: 'Load the page again.', button: again };
}
