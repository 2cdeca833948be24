/** What JEX can do and how far its parts are, as its page's server tells it. Times are in milliseconds since 1970. */

import { ask, moment, records, text, textOr } from './api';

export interface Tool {
  name: string;
  description: string;
  source: string;
  effect: 'reads' | 'changes' | null;
  policy: 'allow' | 'ask' | 'never' | null;
  /** Why it is not offered: the end of the sentence that begins with its name. */
  problem: string | null;
  /** The last times that it was called, or was to be; the newest first. */
  last: readonly LastCall[];
}

export interface LastCall {
  at: number;
  /** As in a call of the history. */
  decision: string;
  outcome: string | null;
}

/** Where tools come from. */
export interface Source {
  name: string;
  /** Whether it could be asked. */
  ready: boolean;
  /** What is wrong, in words; empty where nothing is. */
  message: string;
}

export interface Toolbox {
  tools: readonly Tool[];
  sources: readonly Source[];
}

/** A part of JEX, as `jex status` shows it. */
export interface Component {
  name: string;
  state: string;
  /** What it is doing, such as "provisioning 4 of 9"; empty where nothing is said. */
  detail: string;
}

export async function readTools(): Promise<Toolbox> {
  const reply = await ask('/api/tools');
  return {
    tools: records(reply, 'tools').map((tool) => ({
      name: text(tool, 'name'),
      description: textOr(tool, 'description'),
      source: textOr(tool, 'source'),
      effect: oneOf(['reads', 'changes'], tool['effect']),
      policy: oneOf(['allow', 'ask', 'never'], tool['policy']),
      problem: textOr(tool, 'problem') || null,
      last: records(tool, 'last').map((call) => ({ at: moment(call, 'at'), decision: textOr(call, 'decision'), outcome: textOr(call, 'outcome') || null })),
    })),
    sources: records(reply, 'sources').map((source) => ({ name: text(source, 'name'), ready: textOr(source, 'state') === 'ready', message: textOr(source, 'message') })),
  };
}

/** Empty where the server may not ask. */
export async function readComponents(): Promise<readonly Component[]> {
  const reply = await ask('/api/status');
  return records(reply, 'components').map((component) => ({ name: text(component, 'name'), state: text(component, 'state'), detail: textOr(component, 'detail') }));
}

function oneOf<const T extends string>(words: readonly T[], value: unknown): T | null {
  return words.find((word) => word === value) ?? null;
}
