'use client';

import { useEffect, useRef } from 'react';
import { Level, visible } from '@/talk/level';

interface Props {
  track: MediaStreamTrack;
  muted: boolean;
}

const EVERY_MS = 100;

/** A thin bar that follows the microphone. */
export function LevelMeter({ track, muted }: Props) {
  const bar = useRef<HTMLSpanElement>(null);
  const meter = useRef<HTMLSpanElement>(null);

  useEffect(() => {
    const level = new Level(track);
    let last = -1;
    const timer = setInterval(() => {
      const shown = muted ? 0 : visible(level.rms());
      const step = Math.round(shown * 20);
      if (step === last) return;
      last = step;
      if (bar.current) bar.current.style.transform = `scaleX(${step / 20})`;
      meter.current?.setAttribute('aria-valuenow', String(step * 5));
    }, EVERY_MS);
    return () => {
      clearInterval(timer);
      level.close();
    };
  }, [track, muted]);

  return (
    <span
      ref={meter}
      role="meter"
      aria-label="Microphone level"
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={0}
      data-testid="level"
      className="pointer-events-none absolute inset-x-2 bottom-1.5 h-0.5 overflow-hidden rounded-full bg-line"
    >
      <span ref={bar} className="block h-full origin-left scale-x-0 rounded-full bg-accent" />
    </span>
  );
}
