import { Square } from 'lucide-react';
import { toolWords, type Acting } from '@/conversation/question';
import { VOICE_WORDS, type Voice } from '@/talk/voice';
import { useElapsed } from './useElapsed';
import { VoiceShape } from './VoiceShape';

/** Whoever waits for a shorter time does not want to know. */
const SHOWN_FROM_SECONDS = 3;

interface Props {
  voice: Voice;
  /** The tools that run. */
  acting: Acting | null;
  /** Alone in the middle, before anything is said. */
  large: boolean;
  track: MediaStreamTrack | null;
  onStop: () => void;
}

export function VoiceRow({ voice, acting, large, track, onStop }: Props) {
  const tools = acting?.tools.map(toolWords).join(', ') ?? '';
  const words = [VOICE_WORDS[voice], tools].filter((part) => part !== '').join(': ');
  const seconds = useElapsed(acting?.since ?? null);
  const progress = acting === null ? '' : acting.says || (seconds >= SHOWN_FROM_SECONDS ? `${seconds} s` : '');
  return (
    <div className={`flex shrink-0 items-center ${large ? 'flex-col' : 'h-20 gap-3'}`}>
      <VoiceShape
        voice={voice}
        track={track}
        className={`${large ? 'size-[clamp(4rem,50dvh-8rem,14rem)]' : 'size-20'} ${voice === 'idle' || voice === 'trouble' ? 'text-quiet' : 'text-accent'}`}
      />
      <p className={`text-sm text-quiet ${large ? 'min-h-6 text-center' : 'min-w-0 flex-1 break-words'}`} data-testid="voice-words">
        {words}
        {progress !== '' && <span data-testid="progress-of-tool"> · {progress}</span>}
      </p>
      {((voice === 'speaking' && !large) || acting !== null) && (
        <button type="button" onClick={onStop} title="Stop (.)" className="flex h-10 items-center gap-2 rounded-full px-4 text-sm text-quiet hover:text-ink">
          <Square aria-hidden="true" className="size-3.5" />
          Stop
        </button>
      )}
    </div>
  );
}
