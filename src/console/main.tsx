/**
 * main.tsx – Where the console starts.
 */
import './styles/tokens.css';
import './styles/base.css';
import './styles/parts.css';
import './styles/shell.css';
import { QueryClientProvider } from '@tanstack/react-query';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { newQueryClient } from './server/queries.ts';
import { SessionGate } from './session/session-gate.tsx';
import { Shell } from './shell/shell.tsx';
import { restoreTheme } from './shell/theme.ts';

restoreTheme();
createRoot(document.getElementById('console')!).render(
  <StrictMode>
    <QueryClientProvider client={newQueryClient()}>
      <SessionGate>
        <Shell />
      </SessionGate>
    </QueryClientProvider>
  </StrictMode>,
);
