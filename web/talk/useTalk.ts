'use client';

/** Joins the life of a talk, the room's view, the thread and the microphone into what the page shows and does. */

import type { Room } from 'livekit-client';
import { useCallback, useEffect, useMemo, useReducer, useRef, useState, useSyncExternalStore } from 'react';
import type { Question } from '@/conversation/question';
import { extend, lastSaid, type Thread } from '@/conversation/thread';
import { requestToken } from '@/server/api';
import { PageIncomplete } from './failure';
import { TalkLife, type TalkState } from './life';
import { isMicrophoneTrouble, microphoneAfter, microphoneMissing, type Microphone } from './microphone';
import { useHandOver } from './useHandOver';
import { EMPTY_VIEW, isReady, type RoomView } from './view';

type Livekit = typeof import('./livekit');

export interface Talk {
  state: TalkState<Room>;
  view: RoomView;
  thread: Thread;
  microphone: Microphone;
  /** There once the lazily loaded part is. */
  livekit: Livekit | null;
  onView: (view: RoomView) => void;
  /** With the microphone, or by typed words alone. */
  begin: (withMicrophone: boolean) => void;
  beginAgain: () => void;
  tryNow: () => void;
  leave: () => void;
  type: (text: string) => void;
  /** Types what was said last. */
  askAgain: () => void;
  /** Opens the microphone, mutes it, or opens it again. */
  toggleMicrophone: () => void;
  openMicrophone: () => void;
  chooseMicrophone: (id: string) => void;
  stopAnswer: () => void;
  /** Rejects where the answer did not reach the agent. */
  answerQuestion: (question: Question['id'], yes: boolean) => Promise<void>;
  playSound: () => void;
}

const IDLE: TalkState<Room> = { phase: 'idle' };

export function useTalk(): Talk {
  const [thread, tell] = useReducer(extend, [] as Thread);
  const [view, onView] = useState<RoomView>(EMPTY_VIEW);
  const [trouble, setMicrophoneState] = useState<Microphone>('off');
  const [livekit, setLivekit] = useState<Livekit | null>(null);
  /** Also for the room after this one: who muted stays muted there. */
  const wantsMicrophone = useRef(false);
  const chosen = useRef<string | undefined>(undefined);
  /** The room for which the browser is being asked. */
  const asking = useRef<Room | null>(null);

  const load = useCallback(async (): Promise<Livekit> => {
    try {
      const loaded = await import('./livekit');
      setLivekit(loaded);
      return loaded;
    } catch (error) {
      throw new PageIncomplete('a part of the page could not be loaded', { cause: error });
    }
  }, []);

  // After first paint, so that Talk answers at once. If it fails, Talk tries again and says so.
  useEffect(() => {
    const timer = setTimeout(() => void load().catch(() => undefined), 200);
    return () => clearTimeout(timer);
  }, [load]);

  const [life] = useState(
    () =>
      new TalkLife<Room>({
        token: () => requestToken(),
        join: async (token, events) => (await load()).join(token, events, tell),
        now: Date.now,
        online: () => navigator.onLine,
        freshRoom: () => tell({ kind: 'fresh-room', id: nextId() }),
      }),
  );
  const state = useSyncExternalStore(life.subscribe, life.snapshot, () => IDLE);
  const room = 'room' in state ? state.room : null;

  useEffect(() => () => life.leave(), [life]);

  const openMicrophone = useCallback(async () => {
    wantsMicrophone.current = true;
    const missing = microphoneMissing(window);
    if (missing !== null) return setMicrophoneState(missing);
    if (room === null || livekit === null || asking.current === room) return;
    asking.current = room;
    setMicrophoneState('asking');
    const outcome = await livekit.openMicrophone(room, chosen.current).then(() => 'off' as const, microphoneAfter);
    // The answer to a question of a talk before this one.
    if (asking.current !== room) return;
    asking.current = null;
    setMicrophoneState(outcome);
  }, [room, livekit]);

  // A new room has no microphone yet; a resumed one still has.
  const entered = state.phase === 'in-room' ? state.room : null;
  useEffect(() => {
    if (entered !== null && livekit !== null && wantsMicrophone.current) void openMicrophone();
  }, [entered, livekit, openMicrophone]);

  useEffect(() => {
    if (room === null || livekit === null) return;
    return livekit.onMicrophoneLost(room, () => void openMicrophone());
  }, [room, livekit, openMicrophone]);

  useRecovery(trouble, openMicrophone);

  // Typed words wait until the agent is there to take them.
  const ready = isReady(view.agent);
  const handOver = useMemo(
    () => (entered === null || livekit === null || !ready ? null : (text: string) => livekit.sendTyped(entered, text)),
    [entered, livekit, ready],
  );
  useHandOver(thread, handOver, tell);

  const begin = useCallback(
    (withMicrophone: boolean) => {
      wantsMicrophone.current = withMicrophone;
      setMicrophoneState('off');
      life.begin();
    },
    [life],
  );
  const leave = useCallback(() => {
    life.leave();
    asking.current = null;
    tell({ kind: 'left' });
    onView(EMPTY_VIEW);
    setMicrophoneState('off');
  }, [life]);
  const type = useCallback(
    (text: string) => {
      tell({ kind: 'typed', id: nextId(), text });
      if (state.phase === 'idle' || state.phase === 'failed') begin(false);
    },
    [state.phase, begin],
  );

  const said = lastSaid(thread);
  const askAgain = useCallback(() => {
    if (said !== null) type(said);
  }, [said, type]);

  const microphone: Microphone = isMicrophoneTrouble(trouble) || trouble === 'asking' ? trouble : view.microphone === null ? 'off' : view.microphone.muted ? 'muted' : 'on';
  const toggleMicrophone = useCallback(() => {
    if (microphone === 'on' && room !== null) {
      wantsMicrophone.current = false;
      void livekit?.muteMicrophone(room);
    } else void openMicrophone();
  }, [microphone, room, livekit, openMicrophone]);

  return {
    state,
    view: room === null ? EMPTY_VIEW : view,
    thread,
    microphone,
    livekit,
    onView,
    begin,
    beginAgain: life.beginAgain,
    tryNow: life.tryNow,
    leave,
    type,
    askAgain,
    toggleMicrophone,
    openMicrophone: useCallback(() => void openMicrophone(), [openMicrophone]),
    chooseMicrophone: useCallback(
      (id: string) => {
        chosen.current = id;
        if (room !== null) void livekit?.chooseMicrophone(room, id).catch((error: unknown) => setMicrophoneState(microphoneAfter(error)));
      },
      [room, livekit],
    ),
    ...useRoomActions(room, livekit),
  };
}

function useRoomActions(room: Room | null, livekit: Livekit | null) {
  return useMemo(
    () => ({
      stopAnswer: () => {
        if (room !== null) void livekit?.stopAnswer(room).catch(() => undefined);
      },
      answerQuestion: async (question: Question['id'], yes: boolean) => {
        if (room !== null) await livekit?.answerQuestion(room, question, yes);
      },
      playSound: () => {
        if (room !== null) void livekit?.playSound(room).catch(() => undefined);
      },
    }),
    [room, livekit],
  );
}

/** A microphone that is allowed or plugged in later is used without another press. */
function useRecovery(microphone: Microphone, open: () => Promise<void>) {
  useEffect(() => {
    if (microphone === 'absent') {
      const again = () => void open();
      navigator.mediaDevices.addEventListener('devicechange', again);
      return () => navigator.mediaDevices.removeEventListener('devicechange', again);
    }
    if (microphone !== 'denied') return;

    let status: PermissionStatus | null = null;
    let over = false;
    const changed = () => {
      if (status?.state === 'granted') void open();
    };
    navigator.permissions
      .query({ name: 'microphone' as PermissionName })
      .then((found) => {
        if (over) return;
        status = found;
        found.addEventListener('change', changed);
      })
      // Browsers that cannot be asked have the button.
      .catch(() => undefined);
    return () => {
      over = true;
      status?.removeEventListener('change', changed);
    };
  }, [microphone, open]);
}

/** `crypto.randomUUID` is for secure contexts only; these need be unique on this page alone. */
let ids = 0;
function nextId(): string {
  ids += 1;
  return String(ids);
}
