/** Why a talk could not begin or go on, told apart by what the owner can do about it. */

import { Refusal, ServerGone } from '@/server/api';

export type Failure =
  | { kind: 'page-server-gone' }
  | { kind: 'refused'; message: string; remedy: string; retry: boolean }
  | { kind: 'livekit-gone' }
  | { kind: 'token-rejected' }
  | { kind: 'no-media-path'; online: boolean }
  | { kind: 'ended-by-server' }
  | { kind: 'elsewhere' }
  | { kind: 'page-incomplete' }
  | { kind: 'unknown'; message: string };

/** The page's own code could not be loaded after first paint. */
export class PageIncomplete extends Error {}

/** `ConnectionErrorReason` of livekit-client 2.23, by name: this file must not load the library. */
interface ConnectionError {
  name: 'ConnectionError';
  reasonName: string;
  message: string;
}

export function failureOf(error: unknown, online: boolean): Failure {
  if (error instanceof ServerGone) return { kind: 'page-server-gone' };
  if (error instanceof Refusal) {
    return { kind: 'refused', message: error.message, remedy: error.remedy, retry: error.status >= 500 };
  }
  if (error instanceof PageIncomplete) return { kind: 'page-incomplete' };
  if (isConnectionError(error)) return connectionFailure(error, online);
  return { kind: 'unknown', message: error instanceof Error ? error.message : String(error) };
}

/** Worth another try without being asked. */
export function isPassing(failure: Failure): boolean {
  switch (failure.kind) {
    case 'page-server-gone':
    case 'livekit-gone':
    case 'token-rejected':
    case 'page-incomplete':
    case 'no-media-path':
      return true;
    case 'refused':
      return failure.retry;
    default:
      return false;
  }
}

function connectionFailure(error: ConnectionError, online: boolean): Failure {
  // The signal connection stood, and no pair of candidates came through.
  if (/\bpc connection\b/i.test(error.message)) return { kind: 'no-media-path', online };

  switch (error.reasonName) {
    case 'NotAllowed':
    case 'ServiceNotFound':
      return { kind: 'token-rejected' };
    case 'ServerUnreachable':
    case 'WebSocket':
    case 'Timeout':
    case 'InternalError':
    case 'LeaveRequest':
      return { kind: 'livekit-gone' };
    default:
      return { kind: 'unknown', message: error.message };
  }
}

function isConnectionError(error: unknown): error is ConnectionError {
  return error instanceof Error && error.name === 'ConnectionError' && 'reasonName' in error;
}

/**
 * What a lost room means, by the name of LiveKit's `DisconnectReason`. `null`: the connection broke, and another try is
 * worth it.
 */
export function lastingReason(reason: string): Failure | null {
  switch (reason) {
    case 'ROOM_DELETED':
    case 'ROOM_CLOSED':
    case 'PARTICIPANT_REMOVED':
    case 'USER_REJECTED':
      return { kind: 'ended-by-server' };
    case 'DUPLICATE_IDENTITY':
      return { kind: 'elsewhere' };
    default:
      return null;
  }
}
