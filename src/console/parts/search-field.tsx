/**
 * search-field.tsx – A field that narrows what is shown as one types.
 */
import { Search } from 'lucide-react';
import type { Ref } from 'react';
import { KeyCap } from './key-cap.tsx';

interface SearchFieldProps {
  readonly label: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
  /** The key that leads here. */
  readonly keyCap?: string;
  readonly ref?: Ref<HTMLInputElement>;
}

export function SearchField({ label, value, onChange, keyCap, ref }: SearchFieldProps) {
  return (
    <label className="search">
      <Search className="icon" aria-hidden="true" />
      <input
        {...(ref ? { ref } : {})}
        type="search"
        aria-label={label}
        placeholder={label}
        value={value}
        autoComplete="off"
        spellCheck={false}
        onChange={({ target }) => onChange(target.value)}
        onKeyDown={(event) => {
          if (event.key !== 'Escape') return;
          if (value === '') event.currentTarget.blur();
          else onChange('');
        }}
      />
      {keyCap ? <KeyCap name={keyCap} /> : null}
    </label>
  );
}
