import { Pairing } from '@/components/Pairing';

export default function Pair() {
  return <Pairing />;
}
