/**
 * choice.tsx – A few choices side by side, of which one is taken.
 */
import { ToggleButton } from 'react-aria-components/ToggleButton';
import { ToggleButtonGroup } from 'react-aria-components/ToggleButtonGroup';

interface ChoiceProps<T extends string> {
  readonly label: string;
  readonly choices: readonly (readonly [value: T, title: string])[];
  readonly value: T;
  readonly onChoose: (value: T) => void;
}

export function Choice<T extends string>({ label, choices, value, onChoose }: ChoiceProps<T>) {
  return (
    <ToggleButtonGroup
      className="choice"
      aria-label={label}
      selectionMode="single"
      disallowEmptySelection
      selectedKeys={[value]}
      onSelectionChange={(keys) => onChoose([...keys][0] as T)}
    >
      {choices.map(([each, title]) => (
        <ToggleButton key={each} id={each}>
          {title}
        </ToggleButton>
      ))}
    </ToggleButtonGroup>
  );
}
