import type { MediaPorts } from '@/server/api';
import type { Failure } from '@/talk/failure';
import type { Trouble } from './trouble';

interface Context {
  name: string;
  nextTryAt: number | null;
  mediaPorts: MediaPorts | null;
}

export function resuming({ nextTryAt }: Pick<Context, 'nextTryAt'>): Trouble {
  return {
    id: 'resuming',
    what: 'The connection to LiveKit is lost.',
    todo: 'This page reconnects by itself and goes on where you were; if it does not, look at `jex status`.',
    button: { label: 'Start afresh', does: 'begin-again' },
    nextTryAt,
  };
}

export function connectionFailed(failure: Failure, { name, nextTryAt, mediaPorts }: Context): Trouble {
  const tryNow = { label: 'Try now', does: 'try-now' } as const;

  switch (failure.kind) {
    case 'page-server-gone':
      return {
        id: 'page-server-gone',
        what: `${name} does not answer: the server of this page is gone.`,
        todo: 'Start it with `jex up` on the machine it runs on; this page goes on by itself.',
        button: tryNow,
        nextTryAt,
      };
    case 'refused':
      return {
        id: 'refused',
        what: sentence(failure.message) || 'The server of this page let nobody in.',
        todo: sentence(failure.remedy) || 'Look at `jex status` and `jex logs web`.',
        button: tryNow,
        nextTryAt,
      };
    case 'livekit-gone':
      return {
        id: 'livekit-gone',
        what: 'LiveKit, which carries the conversation, does not answer.',
        todo: 'It is probably being restarted, and this page goes on by itself; if not, look at `jex status`.',
        button: tryNow,
        nextTryAt,
      };
    case 'token-rejected':
      return {
        id: 'token-rejected',
        what: 'LiveKit did not accept the key that this page was given.',
        todo: 'Restart JEX so that both use the same secrets: `jex stop`, then `jex up`.',
        button: tryNow,
        nextTryAt,
      };
    case 'no-media-path':
      return { ...noMediaPath(failure.online, mediaPorts), nextTryAt };
    case 'ended-by-server':
      return {
        id: 'ended-by-server',
        what: 'The conversation is over.',
        todo: 'Press Talk again for a new one.',
        button: { label: 'Talk again', does: 'begin-again' },
      };
    case 'elsewhere':
      return {
        id: 'elsewhere',
        what: 'This conversation goes on in another window.',
        todo: 'Use that window, or begin a new conversation here.',
        button: { label: 'Talk here', does: 'begin-again' },
      };
    case 'page-incomplete':
      return {
        id: 'page-incomplete',
        what: 'A part of this page could not be loaded: its server is gone, or was updated.',
        todo: 'Load the page again once JEX is up.',
        button: { label: 'Load again', does: 'reload' },
        nextTryAt,
      };
    case 'unknown':
      return {
        id: 'unknown',
        what: `The conversation could not begin: ${sentence(failure.message) || 'the browser gave no reason.'}`,
        todo: 'Try again; if it stays, `jex logs livekit` says more.',
        button: { label: 'Try again', does: 'try-now' },
      };
  }
}

function noMediaPath(online: boolean, ports: MediaPorts | null): Trouble {
  const button = { label: 'Try now', does: 'try-now' } as const;
  if (online) {
    return {
      id: 'no-media-path',
      what: 'LiveKit answers, but no sound can travel between it and this browser.',
      todo:
        ports === null
          ? 'Let a firewall or VPN pass its UDP or TCP ports; whoever runs that LiveKit knows which they are.'
          : `Let a firewall or VPN pass its UDP ports (${ports.udpFirst} to ${ports.udpLast}) or TCP port ${ports.tcp}.`,
      button,
    };
  }
  return {
    id: 'no-network-interface',
    what: 'This machine has no network interface: browsers refuse to carry sound over loopback alone.',
    todo: 'Connect any network, even one without internet, or use `jex ask` in a terminal, which works without.',
    button,
  };
}

/** Ends with a full stop, starts with a capital: servers' messages often do neither. */
export function sentence(text: string): string {
  const trimmed = text.trim();
  if (trimmed === '') return '';
  const ended = /[.!?]$/.test(trimmed) ? trimmed : `${trimmed}.`;
  return ended.charAt(0).toUpperCase() + ended.slice(1);
}
