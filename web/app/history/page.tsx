import type { Metadata } from 'next';
import { HistoryPage } from '@/memory/HistoryPage';

export const metadata: Metadata = { title: 'History · JEX' };

export default function History() {
  return <HistoryPage />;
}
