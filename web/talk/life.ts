/**
 * The life of a talk: token, room, loss, another try. It knows no LiveKit: `join` brings a room, which is opaque here.
 * What happens inside a room is read from the room itself (`RoomReader`).
 */

import type { RoomToken } from '@/server/api';
import { delayBefore } from './backoff';
import { failureOf, isPassing, lastingReason, type Failure } from './failure';

export type TalkState<R> =
  | { phase: 'idle' }
  /** `after`: why the try before this one failed. */
  | { phase: 'joining'; after: Failure | null }
  | { phase: 'in-room'; room: R }
  /** The connection broke; livekit-client tries to go on in the same room. */
  | { phase: 'resuming'; room: R; since: number; nextTryAt: number | null }
  /** The page tries again by itself at `nextTryAt`. */
  | { phase: 'waiting'; failure: Failure; nextTryAt: number }
  /** Only the owner can go on. */
  | { phase: 'failed'; failure: Failure };

export interface RoomEvents {
  resuming(nextTryAt: number | null): void;
  resumed(): void;
  /** LiveKit gave another token for the same room, before the one before ends. `expiresAt` as in `RoomToken`. */
  renewed(token: string, expiresAt: number): void;
  /** The last event of a room; `reason` is the name of LiveKit's `DisconnectReason`. */
  lost(reason: string): void;
}

export interface Joined<R> {
  room: R;
  leave(): Promise<void>;
}

export interface Means<R> {
  token(): Promise<RoomToken>;
  join(token: RoomToken, events: RoomEvents): Promise<Joined<R>>;
  now(): number;
  online(): boolean;
  /** A room that is not the one before: nobody in it remembers. */
  freshRoom(): void;
}

/** A room that was lost is asked for again for this long, in milliseconds, then a fresh one is. */
const SAME_ROOM_FOR = 60_000;
/** A token about to end would end between here and the server. */
const TOKEN_MARGIN = 10_000;

export class TalkLife<R> {
  private state: TalkState<R> = { phase: 'idle' };
  private listeners = new Set<() => void>();
  private joined: Joined<R> | null = null;
  private token: RoomToken | null = null;
  private lastRoom: string | null = null;
  private lostAt: number | null = null;
  private attempt = 0;
  private timer: ReturnType<typeof setTimeout> | null = null;
  /** Counts beginnings and leavings: what an earlier one set off is stale. */
  private era = 0;

  constructor(private readonly means: Means<R>) {}

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  readonly snapshot = (): TalkState<R> => this.state;

  readonly begin = (): void => {
    if (this.state.phase === 'idle' || this.state.phase === 'failed') {
      this.attempt = 0;
      this.token = null;
      this.lostAt = null;
      void this.join();
    }
  };

  readonly tryNow = (): void => {
    if (this.state.phase === 'waiting' || this.state.phase === 'failed') void this.join();
  };

  readonly leave = (): void => {
    this.stop();
    this.set({ phase: 'idle' });
  };

  /** Leaves the room as it is and begins again in another. */
  readonly beginAgain = (): void => {
    this.stop();
    this.state = { phase: 'idle' };
    this.begin();
  };

  private stop() {
    this.era += 1;
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    void this.joined?.leave();
    this.joined = null;
    this.token = null;
  }

  private async join() {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    this.era += 1;
    const era = this.era;
    const current = () => era === this.era;
    this.set({ phase: 'joining', after: 'failure' in this.state ? this.state.failure : null });

    try {
      const token = this.usableToken() ?? (await this.freshToken());
      if (!current()) return;
      this.token = token;
      const joined = await this.means.join(token, this.eventsOf(current));
      if (!current()) return void joined.leave();
      this.entered(joined, token.roomName);
    } catch (error) {
      if (current()) this.failed(failureOf(error, this.means.online()));
    }
  }

  private entered(joined: Joined<R>, roomName: string) {
    if (this.lastRoom !== null && this.lastRoom !== roomName) this.means.freshRoom();
    this.lastRoom = roomName;
    this.joined = joined;
    this.attempt = 0;
    this.lostAt = null;
    this.set({ phase: 'in-room', room: joined.room });
  }

  private eventsOf(current: () => boolean): RoomEvents {
    return {
      resuming: (nextTryAt) => {
        const { joined, state } = this;
        if (!current() || joined === null) return;
        const since = state.phase === 'resuming' ? state.since : this.means.now();
        this.set({ phase: 'resuming', room: joined.room, since, nextTryAt });
      },
      resumed: () => {
        if (current() && this.joined !== null) this.set({ phase: 'in-room', room: this.joined.room });
      },
      renewed: (token, expiresAt) => {
        if (current() && this.token !== null) this.token = { ...this.token, token, expiresAt };
      },
      lost: (reason) => {
        // Before the room was entered, `join` itself fails and says why.
        if (!current() || this.joined === null) return;
        this.joined = null;
        this.lostAt = this.means.now();
        this.failed(lastingReason(reason) ?? { kind: 'livekit-gone' });
      },
    };
  }

  private failed(failure: Failure) {
    // A token that was rejected is of no use a second time.
    if (failure.kind === 'token-rejected') this.token = null;
    if (!isPassing(failure)) return this.set({ phase: 'failed', failure });

    const delay = delayBefore(this.attempt);
    this.attempt += 1;
    this.set({ phase: 'waiting', failure, nextTryAt: this.means.now() + delay });
    this.timer = setTimeout(() => void this.join(), delay);
  }

  private async freshToken(): Promise<RoomToken> {
    const token = await this.means.token();
    // For a room that was never lost.
    this.lostAt = null;
    return token;
  }

  private usableToken(): RoomToken | null {
    const now = this.means.now();
    if (this.token === null || this.token.expiresAt - TOKEN_MARGIN < now) return null;
    if (this.lostAt !== null && now - this.lostAt > SAME_ROOM_FOR) return null;
    return this.token;
  }

  private set(state: TalkState<R>) {
    this.state = state;
    for (const listener of this.listeners) listener();
  }
}
