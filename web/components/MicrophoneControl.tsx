'use client';

import { ChevronDown, Mic, MicOff } from 'lucide-react';
import type { Talk } from '@/talk/useTalk';
import { LevelMeter } from './LevelMeter';

/** Mute, level and choice of the microphone. */
export function MicrophoneControl({ talk }: { talk: Talk }) {
  const { microphone, view } = talk;
  const on = microphone === 'on';
  const Icon = on ? Mic : MicOff;
  const label = on ? 'Mute the microphone' : 'Open the microphone';

  return (
    <div className="flex rounded-full border border-line">
      {/* The meter lies over the button, not in it: what is in a button is read as its name, or not at all. */}
      <div className="relative">
        <button
          type="button"
          data-control="mute"
          aria-label={label}
          title={`${label} (Space)`}
          aria-busy={microphone === 'asking'}
          onClick={talk.toggleMicrophone}
          className={`flex h-[2.625rem] w-12 items-center justify-center rounded-full ${on ? 'text-accent' : 'text-quiet'}`}
        >
          <Icon aria-hidden="true" className="size-5" />
        </button>
        {view.microphone !== null && <LevelMeter track={view.microphone.track} muted={view.microphone.muted} />}
      </div>
      {view.microphones.length > 0 && (
        <div className="relative flex h-[2.625rem] w-8 items-center justify-center rounded-full text-quiet has-focus-visible:outline-2 has-focus-visible:outline-offset-2 has-focus-visible:outline-accent">
          <ChevronDown aria-hidden="true" className="size-4" />
          <select
            aria-label="Which microphone"
            title="Which microphone"
            value={view.chosenMicrophone}
            onChange={(event) => talk.chooseMicrophone(event.target.value)}
            className="absolute inset-0 w-full appearance-none bg-paper text-ink opacity-0"
          >
            {view.microphones.map(({ id, label: device }) => (
              <option key={id} value={id}>
                {device}
              </option>
            ))}
          </select>
        </div>
      )}
    </div>
  );
}
