/**
 * main.tsx – Where the console starts.
 */
import './styles/tokens.css';
import { createRoot } from 'react-dom/client';

createRoot(document.getElementById('console')!).render(<p>Rollcall</p>);
