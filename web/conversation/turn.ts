/** The agent's account of a finished answer: text stream `jex.turn`. */

import { isRecord } from '@/server/api';

export interface Problem {
  stage: string;
  message: string;
  remedy: string;
}

export interface Turn {
  turnId: string | null;
  answerId: string;
  answer: string;
  interrupted: boolean;
  madeWhere: string;
  providers: { stt?: string; llm?: string; tts?: string };
  /** Milliseconds by stage; a stage that did not happen is absent. */
  stages: Record<string, number>;
  problem: Problem | null;
  /** What was called for it. */
  calls: readonly Called[];
}

export interface Called {
  tool: string;
  /** A phrase: "done", "failed: …". */
  outcome: string;
}

/** `null` for anything that is not such an account: a page must not fall over what a peer sends. */
export function parseTurn(json: string): Turn | null {
  const value = parseJson(json);
  if (!isRecord(value) || typeof value['answer_id'] !== 'string') return null;

  return {
    turnId: textOr(value['turn_id'], null),
    answerId: value['answer_id'],
    answer: textOr(value['answer'], ''),
    interrupted: value['interrupted'] === true,
    madeWhere: textOr(value['made_where'], ''),
    providers: isRecord(value['providers']) ? strings(value['providers']) : {},
    stages: isRecord(value['stages_ms']) ? numbers(value['stages_ms']) : {},
    problem: problemOf(value['problem']),
    calls: Array.isArray(value['calls']) ? value['calls'].flatMap(calledOf) : [],
  };
}

/** The agent's attribute `jex.problem`: empty, or JSON. */
export function parseProblem(attribute: string | undefined): Problem | null {
  return attribute ? problemOf(parseJson(attribute)) : null;
}

function problemOf(value: unknown): Problem | null {
  if (!isRecord(value) || typeof value['message'] !== 'string' || value['message'] === '') return null;
  return { stage: textOr(value['stage'], ''), message: value['message'], remedy: textOr(value['remedy'], '') };
}

function calledOf(value: unknown): Called[] {
  if (!isRecord(value) || typeof value['tool'] !== 'string') return [];
  return [{ tool: value['tool'], outcome: textOr(value['outcome'], '') }];
}

export function parseJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return null;
  }
}

function textOr<T>(value: unknown, otherwise: T): string | T {
  return typeof value === 'string' ? value : otherwise;
}

function strings(record: Record<string, unknown>): Record<string, string> {
  return Object.fromEntries(Object.entries(record).filter((entry): entry is [string, string] => typeof entry[1] === 'string' && entry[1] !== ''));
}

function numbers(record: Record<string, unknown>): Record<string, number> {
  return Object.fromEntries(Object.entries(record).filter((entry): entry is [string, number] => Number.isFinite(entry[1])));
}
