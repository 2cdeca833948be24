'use client';

import { useEffect, useRef } from 'react';
import { Level, visible } from '@/talk/level';
import type { Voice } from '@/talk/voice';
import { drawVoice, restsFor } from './draw-voice';

interface Props {
  voice: Voice;
  /** What it follows: the microphone while hearing, the agent's voice while speaking. */
  track: MediaStreamTrack | null;
  className: string;
}

/** Frames a second: enough for a voice, and for a breath; none where nothing moves. */
const FRAMES: Record<Voice, number> = { idle: 0, trouble: 0, connecting: 15, listening: 12, thinking: 15, acting: 15, hearing: 15, speaking: 15 };

/** Decorative: the words beside it say the same. */
export function VoiceShape({ voice, track, className }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);

  useEffect(() => {
    const element = canvas.current;
    const context = element?.getContext('2d');
    if (!element || !context) return;

    const follows = voice === 'speaking' || voice === 'hearing';
    const level = follows && track !== null ? new Level(track) : null;
    const calm = matchMedia('(prefers-reduced-motion: reduce)');
    const dark = matchMedia('(prefers-color-scheme: dark)');
    let shown = 0;
    let side = 0;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let handle = 0;

    const fit = () => {
      const ratio = Math.min(2, devicePixelRatio);
      side = element.clientWidth;
      element.width = element.height = Math.round(side * ratio);
      context.setTransform(ratio, 0, 0, ratio, 0, 0);
      context.strokeStyle = getComputedStyle(element).color;
    };
    const draw = (milliseconds: number) => {
      const heard = level === null ? 0 : visible(level.rms());
      // Rises at once, falls slowly: like a needle.
      shown = Math.max(heard, shown * 0.85);
      const moment = { voice, time: milliseconds / 1_000, level: shown, still: calm.matches };
      drawVoice(context, side, moment);
      // By a timer: asking for every frame would wake the page sixty times a second.
      if (FRAMES[voice] > 0 && !calm.matches) next(1_000 * Math.max(1 / FRAMES[voice], restsFor(moment)));
    };
    const next = (delay: number) => {
      timer = setTimeout(() => {
        handle = requestAnimationFrame(draw);
      }, delay);
    };
    const stop = () => {
      clearTimeout(timer);
      cancelAnimationFrame(handle);
    };
    const start = () => {
      stop();
      fit();
      draw(performance.now());
    };

    const size = new ResizeObserver(start);
    size.observe(element);
    calm.addEventListener('change', start);
    dark.addEventListener('change', start);
    return () => {
      stop();
      size.disconnect();
      calm.removeEventListener('change', start);
      dark.removeEventListener('change', start);
      level?.close();
    };
  }, [voice, track]);

  return <canvas ref={canvas} aria-hidden="true" data-voice={voice} className={className} />;
}
