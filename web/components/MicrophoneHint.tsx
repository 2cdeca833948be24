'use client';

import { useEffect, useState } from 'react';
import { Level, SILENCE } from '@/talk/level';

interface Props {
  track: MediaStreamTrack;
  /** While it speaks, nobody need say anything. */
  agentListens: boolean;
}

const SILENT_FOR_MS = 6_000;
const EVERY_MS = 250;

/** For a microphone that has not given a sound since it was opened. One keyed by its track: another one begins anew. */
export function MicrophoneHint({ track, agentListens }: Props) {
  const [heard, setHeard] = useState(false);
  const [silent, setSilent] = useState(false);

  useEffect(() => {
    if (heard) return;
    const level = new Level(track);
    const timer = setInterval(() => {
      if (level.rms() > SILENCE) setHeard(true);
    }, EVERY_MS);
    return () => {
      clearInterval(timer);
      level.close();
    };
  }, [track, heard]);

  useEffect(() => {
    if (heard || !agentListens) return;
    const timer = setTimeout(() => setSilent(true), SILENT_FOR_MS);
    return () => clearTimeout(timer);
  }, [heard, agentListens]);

  if (heard || !silent) return null;
  return (
    <p role="status" className="border-t border-line px-1 py-4 text-sm text-quiet">
      Nothing is heard from the microphone. Say something; if its level does not move, choose another one below.
    </p>
  );
}
