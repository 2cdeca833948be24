import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Refusal, ServerGone, type RoomToken } from '@/server/api';
import { TalkLife, type Joined, type RoomEvents } from './life';

beforeEach(() => void vi.useFakeTimers({ now: 0 }));
afterEach(() => void vi.useRealTimers());

const SECOND = 1_000;

/** A life in a world that goes wrong as told. */
function world() {
  const rooms: { name: string; token: string; events: RoomEvents; left: boolean }[] = [];
  const failing: { token?: unknown; join?: unknown } = {};
  let tokens = 0;
  const freshRoom = vi.fn();
  const life = new TalkLife<string>({
    token: (): Promise<RoomToken> => {
      if (failing.token !== undefined) return Promise.reject(failing.token as Error);
      tokens += 1;
      return Promise.resolve({ serverUrl: 'ws://x', token: 'jwt', roomName: `talk-${tokens}`, expiresAt: Date.now() + 300 * SECOND });
    },
    join: (token, events): Promise<Joined<string>> => {
      if (failing.join !== undefined) return Promise.reject(failing.join as Error);
      const room = { name: token.roomName, token: token.token, events, left: false };
      rooms.push(room);
      return Promise.resolve({
        room: token.roomName,
        leave: () => {
          room.left = true;
          return Promise.resolve();
        },
      });
    },
    now: Date.now,
    online: () => true,
    freshRoom,
  });
  const wait = (milliseconds: number) => vi.advanceTimersByTimeAsync(milliseconds);
  const last = () => {
    const room = rooms.at(-1);
    if (room === undefined) throw new Error('no room was joined');
    return room;
  };
  const joinedWith = () => rooms.map(({ token }) => token);
  return { life, rooms, joinedWith, failing, freshRoom, wait, last, state: life.snapshot };
}

const unreachable = () => Object.assign(new Error('could not connect'), { name: 'ConnectionError', reasonName: 'ServerUnreachable' });

describe('a beginning', () => {
  it('ends in a fresh room', async () => {
    const { life, state, wait, freshRoom } = world();

    life.begin();
    expect(state().phase).toBe('joining');
    await wait(0);

    expect(state()).toEqual({ phase: 'in-room', room: 'talk-1' });
    expect(freshRoom).not.toHaveBeenCalled();
  });

  it('tries again by itself while the server is gone, ever more slowly', async () => {
    const { life, state, wait, failing } = world();
    failing.token = new ServerGone('refused');
    life.begin();
    await wait(0);
    expect(state()).toMatchObject({ phase: 'waiting', failure: { kind: 'page-server-gone' }, nextTryAt: SECOND });

    await wait(SECOND);
    expect(state()).toMatchObject({ phase: 'waiting', nextTryAt: 3 * SECOND });

    failing.token = undefined;
    await wait(2 * SECOND);
    expect(state().phase).toBe('in-room');
  });

  it('still knows during a try why the one before failed', async () => {
    const { life, state, wait, failing } = world();
    life.begin();
    expect(state()).toEqual({ phase: 'joining', after: null });
    life.leave();
    failing.token = new ServerGone('refused');
    life.begin();
    await wait(0);

    life.tryNow();

    expect(state()).toEqual({ phase: 'joining', after: { kind: 'page-server-gone' } });
  });

  it('asks the owner when trying again cannot help', async () => {
    const { life, state, wait, failing } = world();
    failing.token = new Refusal(403, 'origin', 'no', 'go home');
    life.begin();
    await wait(60 * SECOND);
    expect(state()).toMatchObject({ phase: 'failed', failure: { kind: 'refused' } });

    failing.token = undefined;
    life.tryNow();
    await wait(0);
    expect(state().phase).toBe('in-room');
  });

  it('that was left on the way enters no room', async () => {
    const { life, state, wait, rooms } = world();

    life.begin();
    life.leave();
    await wait(SECOND);

    expect(state().phase).toBe('idle');
    expect(rooms).toEqual([]);
  });

  it('can be hurried', async () => {
    const { life, state, wait, failing } = world();
    failing.token = new ServerGone('refused');
    life.begin();
    await wait(0);

    failing.token = undefined;
    life.tryNow();
    await wait(0);

    expect(state().phase).toBe('in-room');
  });
});

describe('a loss', () => {
  it('is shown while the connection resumes, from its first moment', async () => {
    const { life, state, wait, last } = world();
    life.begin();
    await wait(0);
    await wait(10 * SECOND);

    last().events.resuming(null);
    await wait(SECOND);
    last().events.resuming(12 * SECOND);
    expect(state()).toMatchObject({ phase: 'resuming', since: 10 * SECOND, nextTryAt: 12 * SECOND, room: 'talk-1' });

    last().events.resumed();
    expect(state()).toEqual({ phase: 'in-room', room: 'talk-1' });
  });

  it('leads back into the same room for a minute', async () => {
    const { life, state, wait, last, failing, freshRoom } = world();
    life.begin();
    await wait(0);
    failing.join = unreachable();

    last().events.lost('SIGNAL_CLOSE');
    await wait(30 * SECOND);
    expect(state()).toMatchObject({ phase: 'waiting', failure: { kind: 'livekit-gone' } });
    failing.join = undefined;
    await wait(20 * SECOND);

    expect(state()).toEqual({ phase: 'in-room', room: 'talk-1' });
    expect(freshRoom).not.toHaveBeenCalled();
  });

  it('leads back into it however long the talk has lasted, by the token that LiveKit renewed', async () => {
    const { life, state, wait, last, joinedWith } = world();
    life.begin();
    await wait(0);
    await wait(250 * SECOND);
    last().events.renewed('jwt-2', Date.now() + 600 * SECOND);
    await wait(500 * SECOND);

    last().events.lost('SERVER_SHUTDOWN');
    await wait(5 * SECOND);

    expect(state()).toEqual({ phase: 'in-room', room: 'talk-1' });
    expect(joinedWith()).toEqual(['jwt', 'jwt-2']);
  });

  it('leads into a fresh room after that, and says so', async () => {
    const { life, state, wait, last, failing, freshRoom } = world();
    life.begin();
    await wait(0);
    failing.join = unreachable();

    last().events.lost('SIGNAL_CLOSE');
    await wait(70 * SECOND);
    failing.join = undefined;
    await wait(20 * SECOND);

    expect(state()).toEqual({ phase: 'in-room', room: 'talk-2' });
    expect(freshRoom).toHaveBeenCalledOnce();
  });

  it('leads into a fresh room when the token is not taken again', async () => {
    const { life, state, wait, last, failing } = world();
    life.begin();
    await wait(0);
    failing.join = Object.assign(new Error('no'), { name: 'ConnectionError', reasonName: 'NotAllowed' });

    last().events.lost('STATE_MISMATCH');
    await wait(SECOND);
    expect(state()).toMatchObject({ phase: 'waiting', failure: { kind: 'token-rejected' } });
    failing.join = undefined;
    await wait(10 * SECOND);

    expect(state()).toEqual({ phase: 'in-room', room: 'talk-2' });
  });

  it('that the server wanted is not undone', async () => {
    const { life, state, wait, last } = world();
    life.begin();
    await wait(0);

    last().events.lost('ROOM_DELETED');
    await wait(60 * SECOND);

    expect(state()).toMatchObject({ phase: 'failed', failure: { kind: 'ended-by-server' } });
  });
});

describe('leaving', () => {
  it('leaves the room, and what the room says later is stale', async () => {
    const { life, state, wait, last } = world();
    life.begin();
    await wait(0);

    life.leave();
    last().events.lost('SIGNAL_CLOSE');
    last().events.resuming(null);
    await wait(60 * SECOND);

    expect(last().left).toBe(true);
    expect(state()).toEqual({ phase: 'idle' });
  });

  it('and talking again makes a fresh room that remembers nothing', async () => {
    const { life, state, wait, freshRoom } = world();
    life.begin();
    await wait(0);
    life.leave();

    life.begin();
    await wait(0);

    expect(state()).toEqual({ phase: 'in-room', room: 'talk-2' });
    expect(freshRoom).toHaveBeenCalledOnce();
  });

  it('for another room at once leaves the first', async () => {
    const { life, state, wait, rooms } = world();
    life.begin();
    await wait(0);

    life.beginAgain();
    await wait(0);

    expect(rooms.map(({ left }) => left)).toEqual([true, false]);
    expect(state()).toEqual({ phase: 'in-room', room: 'talk-2' });
  });
});
