import type { Metadata } from 'next';
import { ToolsPage } from '@/tools/ToolsPage';

export const metadata: Metadata = { title: 'Tools · JEX' };

export default function Tools() {
  return <ToolsPage />;
}
