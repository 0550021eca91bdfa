/**
 * suggest-field.tsx – A text that is typed, with values that records have, and how often.
 *
 * Keeps true: typing goes on working without suggestions: they are an offer.
 */
import { useQuery } from '@tanstack/react-query';
import { type KeyboardEvent, type Ref, useDeferredValue, useId, useState } from 'react';
import { numberText } from '../../parts/words.ts';
import { ask } from '../../server/ask.ts';

interface ValuesShown {
  readonly data: readonly { readonly value: string | number | boolean; readonly count: number }[];
  readonly sampled: number;
}

interface SuggestFieldProps {
  readonly label: string;
  /** The type and the way to the attribute whose values are suggested. */
  readonly of: { readonly type: string; readonly path: string };
  readonly value: string;
  readonly onChange: (value: string) => void;
  /** A value was chosen, or Enter pressed. */
  readonly onTake?: (value: string) => void;
  readonly onBackspace?: () => void;
  readonly isFaulty?: boolean;
  readonly placeholder?: string;
  readonly ref?: Ref<HTMLInputElement>;
}

const SHOWN = 8;

export function SuggestField(props: SuggestFieldProps) {
  const { label, of, value, onChange, onTake, onBackspace, isFaulty, placeholder, ref } = props;
  const [isOpen, setOpen] = useState(false);
  const [at, setAt] = useState(-1);
  const id = useId();
  const typed = useDeferredValue(value);
  const query = new URLSearchParams({ path: of.path, prefix: typed, limit: String(SHOWN) });
  const { data } = useQuery({
    queryKey: ['values', of.type, of.path, typed],
    queryFn: ({ signal }) =>
      ask<ValuesShown>(`/v1/object-types/${encodeURIComponent(of.type)}/values?${query}`, {
        signal,
      }),
    enabled: isOpen && of.path !== '',
    retry: false,
    staleTime: 60_000,
  });
  const offered = isOpen ? (data?.data ?? []) : [];
  const take = (text: string) => {
    setOpen(false);
    setAt(-1);
    if (onTake) onTake(text);
    else onChange(text);
  };
  const press = (event: KeyboardEvent<HTMLInputElement>) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const by = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    if (by !== 0) {
      setOpen(true);
      setAt(Math.max(-1, Math.min(offered.length - 1, at + by)));
    } else if (event.key === 'Enter') {
      const chosen = offered[at];
      if (chosen) take(String(chosen.value));
      else if (onTake && value !== '') take(value);
    } else if (event.key === 'Escape' && isOpen) setOpen(false);
    else if (event.key === 'Backspace' && value === '' && onBackspace) onBackspace();
    else return;
    event.preventDefault();
  };
  return (
    <span className="suggest">
      <input
        {...(ref ? { ref } : {})}
        className="builder-input"
        role="combobox"
        aria-label={label}
        aria-expanded={offered.length > 0}
        aria-controls={`${id}-list`}
        aria-activedescendant={offered[at] ? `${id}-${at}` : undefined}
        aria-autocomplete="list"
        aria-invalid={isFaulty || undefined}
        autoComplete="off"
        spellCheck={false}
        placeholder={placeholder}
        size={Math.max(8, Math.min(28, value.length + 1))}
        value={value}
        onChange={({ target }) => {
          onChange(target.value);
          setOpen(true);
          setAt(-1);
        }}
        onFocus={() => setOpen(true)}
        onBlur={() => {
          setOpen(false);
          if (onTake && value !== '') onTake(value);
        }}
        onKeyDown={press}
      />
      {offered.length === 0 ? null : (
        <div className="suggested popover">
          <div role="listbox" id={`${id}-list`} aria-label={`Values of ${label}`}>
            {offered.map(({ value: each, count }, index) => (
              // biome-ignore lint/a11y/useFocusableInteractive: the field keeps the focus
              // biome-ignore lint/a11y/useKeyWithClickEvents: arrows and Enter are the field's
              <div
                key={String(each)}
                id={`${id}-${index}`}
                role="option"
                aria-selected={index === at}
                className="suggested-value"
                onMouseDown={(event) => event.preventDefault()}
                onClick={() => take(String(each))}
              >
                <span>{String(each)}</span>
                <span className="quiet number">{numberText(count)}</span>
              </div>
            ))}
          </div>
          {data ? <p className="quiet">Of {numberText(data.sampled)} records looked at</p> : null}
        </div>
      )}
    </span>
  );
}
