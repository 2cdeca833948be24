/** Plays the agent's voice and reads the room with LiveKit's own hooks. Shows nothing. */

import { RoomAudioRenderer, RoomContext, useAudioPlayback, useLocalParticipant, useMediaDeviceSelect, useRemoteParticipants } from '@livekit/components-react';
import { ParticipantKind, RemoteTrack, RoomEvent, Track, TrackEvent, type Room } from 'livekit-client';
import { useCallback, useEffect, useMemo, useSyncExternalStore } from 'react';
import { parseActing, parseQuestion } from '@/conversation/question';
import { parseProblem } from '@/conversation/turn';
import { useSilentSender } from './useSilentSender';
import { agentState, type Agent, type RoomView } from './view';

/** What the view is made of. */
const CHANGES = [
  RoomEvent.ParticipantAttributesChanged,
  RoomEvent.TrackPublished,
  RoomEvent.TrackUnpublished,
  RoomEvent.TrackSubscribed,
  RoomEvent.TrackUnsubscribed,
  RoomEvent.TrackMuted,
  RoomEvent.TrackUnmuted,
];

interface Props {
  room: Room;
  onView: (view: RoomView) => void;
}

export function RoomReader({ room, onView }: Props) {
  return (
    <RoomContext.Provider value={room}>
      <RoomAudioRenderer />
      <Reader room={room} onView={onView} />
    </RoomContext.Provider>
  );
}

function Reader({ room, onView }: Props) {
  // Not `useVoiceAssistant`: a change between its render and its effect is lost to it, and the agent never seems to come.
  const participants = useRemoteParticipants({ updateOnlyOn: CHANGES });
  const participant = participants.find(({ kind }) => kind === ParticipantKind.AGENT);
  const { microphoneTrack, isMicrophoneEnabled } = useLocalParticipant();
  const { devices, activeDeviceId } = useMediaDeviceSelect({ kind: 'audioinput', room });
  const { canPlayAudio } = useAudioPlayback(room);

  const identity = participant?.identity;
  const attributes = participant?.attributes;
  const state = agentState(attributes?.['lk.agent.state']);
  const hearing = attributes?.['jex.hearing'] === 'true';
  const problem = attributes?.['jex.problem'];
  const question = attributes?.['jex.question'];
  const acting = attributes?.['jex.acting'];
  const publication = participant?.getTrackPublication(Track.Source.Microphone);
  const voice = publication?.track instanceof RemoteTrack ? publication.track : undefined;
  const silent = useSilentSender(participant !== undefined && publication?.isMuted !== true && canPlayAudio, voice);
  const audio = voice?.mediaStreamTrack ?? null;
  const agent = useMemo<Agent | null>(() => {
    if (identity === undefined) return null;
    return { identity, state, hearing, problem: parseProblem(problem), question: parseQuestion(question), acting: parseActing(acting), silent, audio };
  }, [identity, state, hearing, problem, question, acting, silent, audio]);

  const ownTrack = useMediaStreamTrack(microphoneTrack?.track);
  const microphone = useMemo(
    () => (ownTrack === null ? null : { track: ownTrack, muted: !isMicrophoneEnabled }),
    [ownTrack, isMicrophoneEnabled],
  );
  const microphones = useMemo(
    // Before it is allowed to, the browser tells no ids.
    () => devices.filter(({ deviceId }) => deviceId !== '').map((device, index) => ({ id: device.deviceId, label: device.label || `Microphone ${index + 1}` })),
    [devices],
  );

  useEffect(() => {
    onView({ agent, microphone, microphones, chosenMicrophone: activeDeviceId, canPlay: canPlayAudio });
  }, [onView, agent, microphone, microphones, activeDeviceId, canPlayAudio]);

  return null;
}

/** Another microphone that takes over gives another one under the same publication. */
function useMediaStreamTrack(track: Track | undefined): MediaStreamTrack | null {
  const subscribe = useCallback(
    (changed: () => void) => {
      track?.on(TrackEvent.Restarted, changed);
      return () => void track?.off(TrackEvent.Restarted, changed);
    },
    [track],
  );
  return useSyncExternalStore(subscribe, () => track?.mediaStreamTrack ?? null);
}
