'use client';

import { ConversationPage } from './ConversationPage';
import { Overview } from './Overview';
import { useAddress } from './useAddress';

/** All conversations, or the one that the address names. */
export function HistoryPage() {
  const address = useAddress();
  if (address === null) return null;
  const id = address.get('conversation');
  return id === null ? <Overview /> : <ConversationPage id={id} />;
}
