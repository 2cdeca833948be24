/** What the agent asks before it acts, and what it does: its attributes `jex.question` and `jex.acting`, empty or JSON. */

import { isRecord } from '@/server/api';
import { parseJson } from './turn';

export interface Question {
  /** As the agent gave it, for the answer. */
  id: string | number;
  text: string;
  /** It was spoken to its end: only from then on a yes counts. */
  asked: boolean;
}

/** `{"id", "text", "until"}`: `until` is when the agent stops waiting, and absent while it still speaks. */
export function parseQuestion(attribute: string | undefined): Question | null {
  const value = attribute ? parseJson(attribute) : null;
  if (!isRecord(value) || typeof value['text'] !== 'string' || value['text'] === '') return null;
  const { id, text, until } = value;
  if (typeof id !== 'string' && typeof id !== 'number') return null;
  return { id, text, asked: typeof until === 'string' && until !== '' };
}

/** What runs. */
export interface Acting {
  /** Names of the tools, at least one. */
  tools: readonly string[];
  /** What one of them said last, or "". */
  says: string;
  /** The agent's clock: another value, other tools. */
  since: string;
}

/** `{"tools": […], "since", "says"}`, or empty when nothing runs. */
export function parseActing(attribute: string | undefined): Acting | null {
  const value = attribute ? parseJson(attribute) : null;
  if (!isRecord(value) || !Array.isArray(value['tools'])) return null;
  const tools = value['tools'].filter((tool) => typeof tool === 'string' && tool !== '');
  if (tools.length === 0) return null;
  const text = (key: string) => (typeof value[key] === 'string' ? value[key] : '');
  return { tools, says: text('says'), since: text('since') };
}

/** As one would say it: "add to list". */
export function toolWords(tool: string): string {
  return tool.replace(/[_-]+/g, ' ').trim() || tool;
}
