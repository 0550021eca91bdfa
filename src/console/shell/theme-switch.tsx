/**
 * theme-switch.tsx – Light, dark, or as the system is.
 */
import { Check, Monitor, Moon, Sun } from 'lucide-react';
import { useSyncExternalStore } from 'react';
import { Button } from 'react-aria-components/Button';
import { Menu, MenuItem, MenuTrigger } from 'react-aria-components/Menu';
import { Popover } from 'react-aria-components/Popover';
import { chooseTheme, THEMES, type Theme, theme } from './theme.ts';

const TITLES: Readonly<Record<Theme, string>> = {
  system: 'As the system',
  light: 'Light',
  dark: 'Dark',
};
const ICONS = { system: Monitor, light: Sun, dark: Moon } as const;

export default function ThemeSwitch() {
  const chosen = useSyncExternalStore(theme.watch, theme.read);
  const Icon = chosen === 'light' ? Sun : Moon;
  return (
    <MenuTrigger>
      <Button className="button is-ghost is-small" aria-label={`Theme: ${TITLES[chosen]}`}>
        <Icon className="icon" aria-hidden="true" />
      </Button>
      <Popover className="popover" placement="bottom end">
        <Menu
          className="menu"
          aria-label="Theme"
          selectionMode="single"
          disallowEmptySelection
          selectedKeys={[chosen]}
          onSelectionChange={(keys) => chooseTheme([...(keys as Set<Theme>)][0]!)}
        >
          {THEMES.map((each) => {
            const Choice = ICONS[each];
            return (
              <MenuItem key={each} id={each} className="menu-item" textValue={TITLES[each]}>
                <Choice className="icon" aria-hidden="true" />
                {TITLES[each]}
                <span className="grow" />
                {each === chosen ? <Check className="icon" aria-hidden="true" /> : null}
              </MenuItem>
            );
          })}
        </Menu>
      </Popover>
    </MenuTrigger>
  );
}
