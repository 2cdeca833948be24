/** Joins a LiveKit room as a caller. Loaded after first paint: only this file and `RoomReader` hold LiveKit's code. */

import {
  ConnectionError,
  ConnectionErrorReason,
  ConnectionState,
  DisconnectReason,
  EngineEvent,
  ParticipantEvent,
  ParticipantKind,
  Room,
  RoomEvent,
  RpcError,
  Track,
  type ReconnectPolicy,
  type TextStreamHandler,
  type TrackPublication,
} from 'livekit-client';
import type { Question } from '@/conversation/question';
import type { ThreadEvent } from '@/conversation/thread';
import { parseTurn } from '@/conversation/turn';
import type { RoomToken } from '@/server/api';
import { resumeDelay } from './backoff';
import type { Joined, RoomEvents } from './life';
import { lifetimeOf } from './lifetime';

export async function join(token: RoomToken, events: RoomEvents, tell: (event: ThreadEvent) => void): Promise<Joined<Room>> {
  const policy: ReconnectPolicy = {
    nextRetryDelayInMs({ retryCount, elapsedMs }) {
      const delay = resumeDelay(retryCount, elapsedMs);
      // Zero: it tries at once, and there is nothing to count down.
      events.resuming(delay === null || delay === 0 ? null : Date.now() + delay);
      return delay;
    },
  };
  const room = new Room({
    reconnectPolicy: policy,
    // Voice detection, endpointing and echo are the agent's and the browser's; video there is none.
    audioCaptureDefaults: { echoCancellation: true, noiseSuppression: true, autoGainControl: true },
    publishDefaults: { red: false, dtx: true },
    disconnectOnPageLeave: true,
  });

  room.on(RoomEvent.Reconnected, () => events.resumed());
  room.on(RoomEvent.SignalReconnecting, () => events.resuming(null));
  room.on(RoomEvent.Disconnected, (reason) => events.lost(DisconnectReason[reason ?? DisconnectReason.UNKNOWN_REASON] ?? ''));
  room.on(RoomEvent.ParticipantDisconnected, (participant) => {
    if (participant.kind === ParticipantKind.AGENT) tell({ kind: 'agent-gone', agent: participant.identity });
  });
  room.registerTextStreamHandler('lk.transcription', transcriptions(room, tell));
  room.registerTextStreamHandler('jex.turn', accounts(tell));

  try {
    await room.connect(token.serverUrl, token.token, { maxRetries: 1, peerConnectionTimeout: 10_000, websocketTimeout: 8_000 });
  } catch (error) {
    void room.disconnect();
    throw named(error);
  }
  room.engine.on(EngineEvent.TokenRefreshed, (refreshed) => {
    const lifetime = lifetimeOf(refreshed);
    if (lifetime !== null) events.renewed(refreshed, Date.now() + lifetime);
  });
  return { room, leave: () => room.disconnect() };
}

/** livekit-client 2.23 gives the error of a failed signal connection its true reason, but leaves it the name of another. */
function named(error: unknown): unknown {
  if (error instanceof ConnectionError) error.reasonName = ConnectionErrorReason[error.reason] ?? '';
  return error;
}

/** The caller's words come under the caller's identity, JEX's under its own: one stream for each segment of an answer. */
function transcriptions(room: Room, tell: (event: ThreadEvent) => void): TextStreamHandler {
  return async (reader, { identity }) => {
    const attributes = () => reader.info.attributes ?? {};
    const segment = attributes()['lk.segment_id'] ?? reader.info.id;

    if (identity === room.localParticipant.identity) {
      const text = await reader.readAll();
      const final = attributes()['lk.transcription_final'] === 'true';
      tell({ kind: 'heard', agent: agentIdentity(room), segment, text, final });
      return;
    }

    const answer = attributes()['jex.answer_id'] ?? segment;
    let text = '';
    let broken = false;
    try {
      for await (const delta of reader) {
        text += delta;
        tell({ kind: 'spoken', agent: identity, answer, segment, text });
      }
    } catch {
      // The agent left in mid-sentence.
      broken = true;
    }
    tell({ kind: 'segment-ended', agent: identity, answer, interrupted: broken || attributes()['jex.interrupted'] === 'true' });
  };
}

function accounts(tell: (event: ThreadEvent) => void): TextStreamHandler {
  return async (reader, { identity }) => {
    const turn = parseTurn(await reader.readAll());
    if (turn !== null) tell({ kind: 'accounted', agent: identity, turn });
  };
}

function agentIdentity(room: Room): string {
  const agent = [...room.remoteParticipants.values()].find((participant) => participant.kind === ParticipantKind.AGENT);
  return agent?.identity ?? '';
}

/** `deviceId` counts when the microphone is opened for the first time in this room. Throws what the browser throws. */
export async function openMicrophone(room: Room, deviceId?: string): Promise<void> {
  const { localParticipant } = room;
  if (localParticipant.getTrackPublication(Track.Source.Microphone) !== undefined) {
    await localParticipant.setMicrophoneEnabled(true);
    return;
  }

  const [track] = await localParticipant.createTracks({ audio: deviceId === undefined ? true : { deviceId } });
  if (track === undefined) return;
  // Whoever leaves while the browser asks, or the server is told, must not find the microphone still on.
  const stop = () => track.stop();
  if (room.state === ConnectionState.Disconnected) return stop();
  room.once(RoomEvent.Disconnected, stop);
  const publication = await localParticipant.publishTrack(track).catch((error: unknown) => {
    stop();
    throw error;
  });
  // Lost while it was being published, which livekit-client, having muted it, tells nobody.
  if (publication.isMuted && isEnded(publication)) await localParticipant.setMicrophoneEnabled(true);
}

function isEnded({ track }: TrackPublication): boolean {
  return track?.mediaStreamTrack.readyState === 'ended';
}

export async function muteMicrophone(room: Room): Promise<void> {
  await room.localParticipant.setMicrophoneEnabled(false);
}

/** Unplugged or taken back in the browser, and livekit-client, which mutes it then, has found no other one. */
export function onMicrophoneLost(room: Room, lost: () => void): () => void {
  const onMuted = (publication: TrackPublication) => {
    if (publication.source === Track.Source.Microphone && isEnded(publication)) lost();
  };
  room.localParticipant.on(ParticipantEvent.TrackMuted, onMuted);
  return () => void room.localParticipant.off(ParticipantEvent.TrackMuted, onMuted);
}

export async function chooseMicrophone(room: Room, deviceId: string): Promise<void> {
  await room.switchActiveDevice('audioinput', deviceId);
}

/** Typed words are a turn like spoken ones. Throws while they would not reach the agent. */
export async function sendTyped(room: Room, text: string): Promise<void> {
  await knock(room);
  await room.localParticipant.sendText(text, { topic: 'lk.chat' });
}

/** LiveKit drops what is sent to somebody who has only just come, and tells nobody. Any reply shows that it does so no more. */
async function knock(room: Room): Promise<void> {
  try {
    await room.localParticipant.performRpc({ destinationIdentity: agentIdentity(room), method: 'jex.knock', payload: '', responseTimeout: 1_000 });
  } catch (error) {
    if (!(error instanceof RpcError) || error.code !== RpcError.ErrorCode.UNSUPPORTED_METHOD) throw error;
  }
}

export async function stopAnswer(room: Room): Promise<void> {
  const destinationIdentity = agentIdentity(room);
  if (destinationIdentity !== '') await room.localParticipant.performRpc({ destinationIdentity, method: 'jex.interrupt', payload: '' });
}

/** Throws where it did not reach the agent, or too late. */
export async function answerQuestion(room: Room, question: Question['id'], yes: boolean): Promise<void> {
  const payload = JSON.stringify({ question, yes });
  await room.localParticipant.performRpc({ destinationIdentity: agentIdentity(room), method: 'jex.answer', payload });
}

export async function playSound(room: Room): Promise<void> {
  await room.startAudio();
}
