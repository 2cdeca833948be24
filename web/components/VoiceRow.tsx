import { Square } from 'lucide-react';
import { VOICE_WORDS, type Voice } from '@/talk/voice';
import { VoiceShape } from './VoiceShape';

interface Props {
  voice: Voice;
  /** Alone in the middle, before anything is said. */
  large: boolean;
  track: MediaStreamTrack | null;
  onStop: () => void;
}

export function VoiceRow({ voice, large, track, onStop }: Props) {
  const words = VOICE_WORDS[voice];
  return (
    <div className={`flex shrink-0 items-center ${large ? 'flex-col' : 'h-20 gap-3'}`}>
      <VoiceShape
        voice={voice}
        track={track}
        className={`${large ? 'size-[clamp(4rem,50dvh-8rem,14rem)]' : 'size-20'} ${voice === 'idle' || voice === 'trouble' ? 'text-quiet' : 'text-accent'}`}
      />
      <p className={`text-sm text-quiet ${large ? 'h-6' : 'flex-1'}`} data-testid="voice-words">
        {words}
      </p>
      {voice === 'speaking' && !large && (
        <button type="button" onClick={onStop} title="Stop the answer (.)" className="flex h-10 items-center gap-2 rounded-full px-4 text-sm text-quiet hover:text-ink">
          <Square aria-hidden="true" className="size-3.5" />
          Stop
        </button>
      )}
    </div>
  );
}
