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

/** `{"tools": […]}`: names of the tools that run. */
export function parseActing(attribute: string | undefined): readonly string[] {
  const value = attribute ? parseJson(attribute) : null;
  if (!isRecord(value) || !Array.isArray(value['tools'])) return [];
  return value['tools'].filter((tool) => typeof tool === 'string' && tool !== '');
}

/** As one would say it: "add to list". */
export function toolWords(tool: string): string {
  return tool.replace(/[_-]+/g, ' ').trim() || tool;
}
