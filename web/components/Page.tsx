'use client';

import { useEffect, useRef, useState } from 'react';
import { isVisible, lastTurn } from '@/conversation/thread';
import { useTalk } from '@/talk/useTalk';
import { VOICE_WORDS, voiceOf } from '@/talk/voice';
import { TroubleCard } from '@/trouble/TroubleCard';
import type { Remedy } from '@/trouble/trouble';
import { useTrouble } from '@/trouble/useTrouble';
import { Announcer } from './Announcer';
import { Bar } from './Bar';
import { Conversation } from './Conversation';
import { Header } from './Header';
import { Menu } from './Menu';
import { MicrophoneHint } from './MicrophoneHint';
import { Pairing } from './Pairing';
import { QuestionAnnouncer, QuestionCard } from './QuestionCard';
import { Reminders } from './Reminders';
import { useInfo } from './useInfo';
import { useKeys } from './useKeys';
import { useOverflow } from './useOverflow';
import { VoiceRow } from './VoiceRow';
import { Welcome } from './Welcome';

export function Page() {
  const talk = useTalk();
  const talking = talk.state.phase !== 'idle';
  const { info, shutOut } = useInfo(talking);
  const name = info?.assistantName ?? 'JEX';
  const { now, trouble, agentIsMissing } = useTrouble(talk, info, name);
  const field = useRef<HTMLTextAreaElement>(null);
  const [box, overflows] = useOverflow();
  const [menuOpen, setMenuOpen] = useState(false);

  const { state, view, thread, microphone, livekit } = talk;
  const room = 'room' in state ? state.room : null;
  const question = view.agent?.question ?? null;
  const voice = voiceOf(state.phase, view.agent, agentIsMissing);
  const empty = !thread.some(isVisible);
  const Reader = livekit?.RoomReader;

  useTitle(name, talking ? VOICE_WORDS[voice] : '');
  useKeys({
    menuOpen,
    talking,
    begin: () => talk.begin(true),
    leave: talk.leave,
    toggleMicrophone: talk.toggleMicrophone,
    stopAnswer: talk.stopAnswer,
    openMenu: () => setMenuOpen(true),
    field,
  });

  const remedies: Record<Remedy, () => void> = {
    'try-now': talk.tryNow,
    'begin-again': talk.beginAgain,
    microphone: talk.openMicrophone,
    type: () => field.current?.focus(),
    play: talk.playSound,
    'stop-answer': talk.stopAnswer,
    'ask-again': talk.askAgain,
    reload: () => location.reload(),
  };

  if (shutOut) return <Pairing />;
  return (
    <div className="mx-auto flex h-dvh max-w-[44rem] flex-col px-4">
      <Header name={name} madeWhere={lastTurn(thread)?.madeWhere || null} />
      {/* On a small screen it scrolls as a whole, rather than slide under the bar. */}
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
      <main ref={box} tabIndex={overflows && empty ? 0 : undefined} className="relative flex min-h-0 flex-1 flex-col overflow-y-auto">
        <h1 className="sr-only">Conversation with {name}</h1>
        <div className={empty ? 'my-auto pb-2' : 'contents'}>
          <Conversation thread={thread} name={name} language={info?.language} />
          <VoiceRow
            voice={voice}
            acting={view.agent?.acting ?? null}
            large={empty}
            track={voice === 'hearing' ? (view.microphone?.track ?? null) : (view.agent?.audio ?? null)}
            onStop={talk.stopAnswer}
          />
          {question !== null && <QuestionCard key={question.id} question={question} name={name} onAnswer={talk.answerQuestion} />}
          {empty && trouble === null && <Welcome name={name} info={info} talking={talking} />}
          <Reminders talking={talking} />
          {microphone === 'on' && view.microphone !== null && trouble === null && (
            <MicrophoneHint key={view.microphone.track.id} track={view.microphone.track} agentListens={view.agent?.state === 'listening'} />
          )}
          <TroubleCard trouble={trouble} alone={empty} now={now} onRemedy={(remedy) => remedies[remedy]()} />
        </div>
      </main>
      <Bar talk={talk} talking={talking} name={name} field={field} onMenu={() => setMenuOpen(true)} />
      <Menu open={menuOpen} onClose={() => setMenuOpen(false)} name={name} info={info} talking={talking} />
      <Announcer thread={thread} name={name} />
      <QuestionAnnouncer question={question} name={name} />
      {room !== null && Reader !== undefined && <Reader room={room} onView={talk.onView} />}
    </div>
  );
}

function useTitle(name: string, words: string) {
  useEffect(() => {
    document.title = words === '' ? name : `${words} · ${name}`;
  }, [name, words]);
}
