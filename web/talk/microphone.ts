/** The microphone as the owner would describe it. */

export type Microphone =
  | 'off'
  | 'asking'
  | 'on'
  | 'muted'
  | 'denied'
  | 'absent'
  | 'busy'
  /** Not on HTTPS or localhost: browsers give no microphone there. */
  | 'insecure'
  | 'unsupported';

/** What `getUserMedia` throws, by the names that the specification gives. */
export function microphoneAfter(error: unknown): Microphone {
  switch (error instanceof Error || error instanceof DOMException ? error.name : '') {
    case 'NotAllowedError':
    case 'SecurityError':
    case 'PermissionDeniedError':
      return 'denied';
    case 'NotFoundError':
    case 'OverconstrainedError':
    case 'DevicesNotFoundError':
      return 'absent';
    default:
      return 'busy';
  }
}

/** `null` where a microphone can be asked for. */
export function microphoneMissing(view: Pick<Window, 'isSecureContext' | 'navigator'>): Microphone | null {
  if (!view.isSecureContext) return 'insecure';
  const devices: MediaDevices | undefined = view.navigator.mediaDevices;
  return typeof devices?.getUserMedia === 'function' ? null : 'unsupported';
}

export function isMicrophoneTrouble(microphone: Microphone): boolean {
  return !['off', 'asking', 'on', 'muted'].includes(microphone);
}
