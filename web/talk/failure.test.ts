import { describe, expect, it } from 'vitest';
import { ServerGone, ServerSlow } from '@/server/api';
import { failureOf, isPassing, lastingReason } from './failure';

const connectionError = (reasonName: string, message = 'no') => Object.assign(new Error(message), { name: 'ConnectionError', reasonName });

describe('why a talk could not begin', () => {
  it.each([
    [new ServerGone('refused'), 'page-server-gone'],
    [new ServerSlow('late'), 'page-server-gone'],
    [connectionError('ServerUnreachable'), 'livekit-gone'],
    [connectionError('WebSocket'), 'livekit-gone'],
    [connectionError('Timeout'), 'livekit-gone'],
    [connectionError('NotAllowed'), 'token-rejected'],
    [connectionError('NotAllowed', 'could not establish signal connection: this service knows no such key'), 'token-rejected'],
    [connectionError('InternalError', 'could not establish pc connection'), 'no-media-path'],
    [new Error('odd'), 'unknown'],
    ['odd', 'unknown'],
  ])('%o', (error, kind) => {
    expect(failureOf(error, true).kind).toBe(kind);
  });

  it('tells a machine without a network from a closed firewall', () => {
    expect(failureOf(connectionError('InternalError', 'could not establish pc connection'), false)).toEqual({ kind: 'no-media-path', online: false });
  });
});

it('tries again only what passes', () => {
  expect(isPassing({ kind: 'livekit-gone' })).toBe(true);
  expect(isPassing({ kind: 'refused', message: '', remedy: '', retry: false })).toBe(false);
  expect(isPassing({ kind: 'no-media-path', online: true })).toBe(true);
  expect(isPassing({ kind: 'ended-by-server' })).toBe(false);
});

it('knows which ends of a room are meant', () => {
  expect(lastingReason('PARTICIPANT_REMOVED')).toEqual({ kind: 'ended-by-server' });
  expect(lastingReason('DUPLICATE_IDENTITY')).toEqual({ kind: 'elsewhere' });
  expect(lastingReason('SERVER_SHUTDOWN')).toBeNull();
  expect(lastingReason('')).toBeNull();
});
