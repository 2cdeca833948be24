import type { Microphone } from '@/talk/microphone';
import type { Trouble } from './trouble';

export type Browser = 'chromium' | 'firefox' | 'safari' | 'other';

export function browserOf(userAgent: string): Browser {
  if (/Firefox\//.test(userAgent)) return 'firefox';
  if (/Chrom(e|ium)\//.test(userAgent)) return 'chromium';
  return /Safari\//.test(userAgent) ? 'safari' : 'other';
}

const HOW_TO_ALLOW: Record<Browser, string> = {
  chromium: 'Click the sign left of the address, switch Microphone on, then press the button.',
  firefox: 'Click the crossed-out microphone left of the address, remove the block, then press the button.',
  safari: 'Choose Settings for This Website from the Safari menu, set Microphone to Allow, then press the button.',
  other: "Allow the microphone for this page in the browser's settings, then press the button.",
};

const again = { label: 'Use the microphone', does: 'microphone' } as const;
const type = { label: 'Type instead', does: 'type' } as const;

export function microphoneTrouble({ microphone, browser, port }: { microphone: Microphone; browser: Browser; port: string }): Trouble | null {
  switch (microphone) {
    case 'denied':
      return {
        id: 'microphone-denied',
        what: 'The browser keeps the microphone from this page, so you can only type.',
        todo: HOW_TO_ALLOW[browser],
        button: again,
      };
    case 'absent':
      return {
        id: 'microphone-absent',
        what: 'There is no microphone, so you can only type.',
        todo: 'Plug one in, or switch it on; it is used as soon as it is there.',
        button: again,
      };
    case 'busy':
      return {
        id: 'microphone-busy',
        what: 'The microphone does not open: another program holds it, or the system keeps it back.',
        todo: 'Close the program that uses it, or choose another microphone, then press the button.',
        button: again,
      };
    case 'insecure':
      return {
        id: 'microphone-insecure',
        what: 'Browsers give no microphone to a page that came over plain HTTP from another machine.',
        todo: `Open it as http://localhost${port === '' ? '' : `:${port}`} on the machine itself; here you can type.`,
        button: type,
      };
    case 'unsupported':
      return {
        id: 'microphone-unsupported',
        what: 'This browser gives pages no microphone.',
        todo: 'Use a current Firefox, Chrome, Edge or Safari to speak; here you can type.',
        button: type,
      };
    default:
      return null;
  }
}
