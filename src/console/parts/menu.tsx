/**
 * menu.tsx – A button that opens a list of actions, or of choices of which one is taken.
 *
 * Keeps true: the page is seen before what opens its menus is there. Until then, for the first
 * moment of the first page, a button that looks the same holds the place.
 */
import { ChevronDown, Ellipsis } from 'lucide-react';
import { type ReactNode, Suspense } from 'react';
import { later } from './later.ts';

const Menus = {
  Actions: later(async () => ({ default: (await import('./open-menu.tsx')).OpenActions })),
  Choices: later(async () => ({ default: (await import('./open-menu.tsx')).OpenChoices })),
};

export interface Action {
  readonly name: string;
  readonly icon?: ReactNode;
  readonly run: () => void;
  /** It takes something away. */
  readonly isGrave?: boolean;
}

export interface ActionsMenuProps {
  readonly label: string;
  readonly actions: readonly Action[];
}

/** The three dots at the end of a row. */
export function ActionsMenu(props: ActionsMenuProps) {
  const closed = (
    <button type="button" className="button is-ghost is-small" aria-label={props.label} disabled>
      <Ellipsis className="icon" aria-hidden="true" />
    </button>
  );
  return (
    <Suspense fallback={closed}>
      <Menus.Actions {...props} />
    </Suspense>
  );
}

export interface ChoiceMenuProps<T extends string> {
  readonly label: string;
  readonly choices: readonly (readonly [value: T, title: string])[];
  readonly value: T;
  readonly onChoose: (value: T) => void;
  readonly kind?: 'plain' | 'ghost';
}

/** One of several, named by the button. */
export function ChoiceMenu<T extends string>(props: ChoiceMenuProps<T>) {
  const { choices, value, kind = 'plain', onChoose } = props;
  const title = choices.find(([each]) => each === value)?.[1] ?? value;
  const closed = (
    <button type="button" className={`button${kind === 'ghost' ? ' is-ghost' : ''}`} disabled>
      {title}
      <ChevronDown className="icon" aria-hidden="true" />
    </button>
  );
  return (
    <Suspense fallback={closed}>
      <Menus.Choices {...props} onChoose={(chosen) => onChoose(chosen as T)} />
    </Suspense>
  );
}
