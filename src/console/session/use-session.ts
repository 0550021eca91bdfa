/**
 * use-session.ts – Who has signed in, and what they may do.
 *
 * Keeps true: what may be done comes from the server's list of capabilities, never from the name of
 * a role.
 */
import { createContext, useContext } from 'react';
import type { MayDo, SignedInAs } from '../server/answers.ts';

export const SessionContext = createContext<SignedInAs | undefined>(undefined);

export function useSession(): SignedInAs {
  const session = useContext(SessionContext);
  if (!session) throw new Error('bug: a page is shown to nobody');
  return session;
}

/** Controls for what is not allowed are absent, not disabled. */
export function useMay(capability: MayDo): boolean {
  return useSession().capabilities.includes(capability);
}
