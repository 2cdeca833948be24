/** What the page asks of its own server, and the replies parsed into types that cannot be wrong. */

/** Where answers are made while no provider elsewhere has a part in them. */
export const HERE = 'on this machine';

/** As it stands in a sentence: "on this machine", "by api.example.com". */
export function made(madeWhere: string): string {
  return madeWhere === HERE ? madeWhere : `by ${madeWhere}`;
}

export interface Info {
  assistantName: string;
  language: string;
  model: string;
  /** The packaged 135M English model: a demo. */
  modelIsDemo: boolean;
  /** `HERE`, or the provider's host. */
  madeWhere: string;
  version: string;
  /** Where sound travels; `null` for a LiveKit that JEX does not run. */
  mediaPorts: MediaPorts | null;
  /** What is said is kept on JEX's machine. */
  keepsHistory: boolean;
}

export interface MediaPorts {
  udpFirst: number;
  udpLast: number;
  tcp: number;
}

export interface Health {
  livekit: 'ready' | 'unreachable';
  agent: 'ready' | 'registering' | 'unreachable';
}

export interface RoomToken {
  serverUrl: string;
  token: string;
  roomName: string;
  /** By this page's clock, in milliseconds since 1970. */
  expiresAt: number;
}

/** The server answered, and said no. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly remedy: string,
  ) {
    super(message);
    this.name = 'Refusal';
  }
}

/** The page's server did not answer, or with something that is not of JEX. */
export class ServerGone extends Error {
  constructor(cause: unknown) {
    super("the page's server does not answer", { cause });
    this.name = 'ServerGone';
  }
}

/** It did not answer in time: it may be busy, or out of reach. */
export class ServerSlow extends ServerGone {
  constructor(cause: unknown) {
    super(cause);
    this.name = 'ServerSlow';
  }
}

const TIMEOUT_MS = 5_000;
/** PostgreSQL writes its tables anew once something was deleted, and who deletes more waits for that. */
const DELETE_TIMEOUT_MS = 60_000;

/** Whether the server lets this browser in only once it is paired. */
export function isNotPaired(error: unknown): boolean {
  return error instanceof Refusal && error.code === 'not_paired';
}

/** From now on this browser is let in: it holds a cookie that no script can see. */
export async function pair(code: string): Promise<void> {
  await ask('/api/pair', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ code }),
  });
}

export async function requestToken(now: () => number = Date.now): Promise<RoomToken> {
  const reply = await ask('/api/token', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: '{}',
  });

  return {
    serverUrl: text(reply, 'server_url'),
    token: text(reply, 'participant_token'),
    roomName: text(reply, 'room_name'),
    expiresAt: now() + number(reply, 'expires_in_seconds') * 1_000,
  };
}

export async function readInfo(): Promise<Info> {
  const reply = await ask('/api/info');

  return {
    assistantName: text(reply, 'assistant_name'),
    language: text(reply, 'language'),
    model: text(reply, 'model'),
    modelIsDemo: reply['model_is_demo'] === true,
    madeWhere: text(reply, 'made_where'),
    version: text(reply, 'version'),
    mediaPorts: mediaPorts(reply['media_ports']),
    keepsHistory: reply['keeps_history'] === true,
  };
}

export async function readHealth(): Promise<Health> {
  const reply = await ask('/api/health');
  const agent = text(reply, 'agent');

  return {
    livekit: text(reply, 'livekit') === 'ready' ? 'ready' : 'unreachable',
    agent: agent === 'ready' || agent === 'registering' ? agent : 'unreachable',
  };
}

function mediaPorts(value: unknown): MediaPorts | null {
  if (!isRecord(value)) return null;
  return { udpFirst: number(value, 'udp_first'), udpLast: number(value, 'udp_last'), tcp: number(value, 'tcp') };
}

export type Reply = Record<string, unknown>;

/** An answer without a body counts as an empty one. */
export async function ask(path: string, init?: RequestInit): Promise<Reply> {
  const limit = AbortSignal.timeout(init?.method === 'DELETE' ? DELETE_TIMEOUT_MS : TIMEOUT_MS);
  let response: Response;
  let body: unknown;
  try {
    response = await fetch(path, { ...init, cache: 'no-store', signal: limit });
    body = response.status === 204 ? {} : await response.json();
  } catch (error) {
    throw limit.aborted ? new ServerSlow(error) : new ServerGone(error);
  }

  if (!isRecord(body)) throw new ServerGone(`${path} answered with something that is no object`);
  if (!response.ok) throw refusal(response.status, body);
  return body;
}

function refusal(status: number, body: Reply): Refusal {
  const error = isRecord(body['error']) ? body['error'] : {};
  const part = (name: string) => (typeof error[name] === 'string' ? error[name] : '');
  return new Refusal(status, part('code'), part('message'), part('remedy'));
}

export function text(reply: Reply, name: string): string {
  const value = reply[name];
  if (typeof value !== 'string' || value === '') throw new ServerGone(`the reply lacks ${name}`);
  return value;
}

/** Empty where there is none. */
export function textOr(reply: Reply, name: string, otherwise = ''): string {
  const value = reply[name];
  return typeof value === 'string' ? value : otherwise;
}

/** What is no record is left out. */
export function records(reply: Reply, name: string): readonly Reply[] {
  const value = reply[name];
  if (!Array.isArray(value)) throw new ServerGone(`the reply lacks ${name}`);
  return value.filter(isRecord);
}

/** From RFC 3339 to milliseconds since 1970. */
export function moment(reply: Reply, name: string): number {
  const at = Date.parse(text(reply, name));
  if (Number.isNaN(at)) throw new ServerGone(`${name} is no moment`);
  return at;
}

export function number(reply: Reply, name: string): number {
  const value = reply[name];
  if (typeof value !== 'number' || !Number.isFinite(value)) throw new ServerGone(`the reply lacks ${name}`);
  return value;
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
