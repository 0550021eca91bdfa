/**
 * who.tsx – Who has signed in, and the way out.
 */
import { useQueryClient } from '@tanstack/react-query';
import { LogOut } from 'lucide-react';
import { Button } from 'react-aria-components/Button';
import { Menu, MenuItem, MenuTrigger } from 'react-aria-components/Menu';
import { Popover } from 'react-aria-components/Popover';
import { titleText } from '../parts/words.ts';
import type { SignedInAs } from '../server/answers.ts';
import { ask } from '../server/ask.ts';
import { useSession } from '../session/use-session.ts';

export default function Who() {
  const session = useSession();
  const client = useQueryClient();
  const title = nameOf(session);
  const signOut = async (everywhere: boolean) => {
    await ask(`/v1/session?everywhere=${everywhere}`, { method: 'DELETE', reads: true });
    // Nothing of what was read is kept for whoever comes next.
    client.clear();
    location.assign('/segments');
  };
  return (
    <div className="who">
      <MenuTrigger>
        <Button className="who-button">
          <span className="avatar" aria-hidden="true">
            {initialsOf(title)}
          </span>
          <span className="who-text">
            <span className="who-name">{title}</span>
            <span className="who-role">{mayOf(session)}</span>
          </span>
        </Button>
        <Popover className="popover" placement="top start">
          <Menu
            className="menu"
            aria-label="Session"
            onAction={(key) => void signOut(key === 'all')}
          >
            <MenuItem id="one" className="menu-item">
              <LogOut className="icon" aria-hidden="true" />
              Sign out
            </MenuItem>
            <MenuItem id="all" className="menu-item">
              <LogOut className="icon" aria-hidden="true" />
              Sign out everywhere
            </MenuItem>
          </Menu>
        </Popover>
      </MenuTrigger>
    </div>
  );
}

/** A key without a name goes by its fingerprint: `key:3f9a…`. */
function nameOf({ name, role }: SignedInAs): string {
  return name.startsWith('key:')
    ? `${titleText(role)} key ${name.slice(4, 8)}`
    : titleText(name.replaceAll('-', '_'));
}

function initialsOf(title: string): string {
  const words = title.split(' ').filter((word) => /^\w/.test(word));
  return words
    .slice(0, 2)
    .map((word) => word.charAt(0).toUpperCase())
    .join('');
}

function mayOf({ role, capabilities }: SignedInAs): string {
  const may = capabilities.includes('write_catalog')
    ? 'may edit segments'
    : capabilities.includes('write_records')
      ? 'may edit records'
      : 'may look';
  return `${titleText(role)} key, ${may}`;
}
