/**
 * open-menu.tsx – Menus that open: of actions, or of choices of which one is taken.
 */
import { Check, ChevronDown, Ellipsis } from 'lucide-react';
import { Button as AriaButton } from 'react-aria-components/Button';
import { Menu as AriaMenu, MenuItem, MenuTrigger } from 'react-aria-components/Menu';
import { Popover } from 'react-aria-components/Popover';
import type { ActionsMenuProps, ChoiceMenuProps } from './menu.tsx';

/** The three dots at the end of a row. */
export function OpenActions({ label, actions }: ActionsMenuProps) {
  return (
    <MenuTrigger>
      <AriaButton className="button is-ghost is-small" aria-label={label}>
        <Ellipsis className="icon" aria-hidden="true" />
      </AriaButton>
      <Popover className="popover" placement="bottom end">
        <AriaMenu
          className="menu"
          onAction={(name) => actions.find((each) => each.name === name)?.run()}
        >
          {actions.map(({ name, icon, isGrave }) => (
            <MenuItem
              key={name}
              id={name}
              className={`menu-item${isGrave ? ' is-grave' : ''}`}
              textValue={name}
            >
              {icon}
              {name}
            </MenuItem>
          ))}
        </AriaMenu>
      </Popover>
    </MenuTrigger>
  );
}

/** One of several, named by the button. */
export function OpenChoices({
  label,
  choices,
  value,
  onChoose,
  kind = 'plain',
}: ChoiceMenuProps<string>) {
  const title = choices.find(([each]) => each === value)?.[1] ?? value;
  return (
    <MenuTrigger>
      <AriaButton
        className={`button${kind === 'ghost' ? ' is-ghost' : ''}`}
        aria-label={`${label}: ${title}`}
      >
        {title}
        <ChevronDown className="icon" aria-hidden="true" />
      </AriaButton>
      <Popover className="popover">
        <AriaMenu
          className="menu"
          aria-label={label}
          selectionMode="single"
          disallowEmptySelection
          selectedKeys={[value]}
          onSelectionChange={(keys) => {
            const [chosen] = keys === 'all' ? [] : [...keys];
            if (chosen !== undefined) onChoose(String(chosen));
          }}
        >
          {choices.map(([each, name]) => (
            <MenuItem key={each} id={each} className="menu-item" textValue={name}>
              {name}
              <span className="grow" />
              {each === value ? <Check className="icon" aria-hidden="true" /> : null}
            </MenuItem>
          ))}
        </AriaMenu>
      </Popover>
    </MenuTrigger>
  );
}
