/**
 * form-row.tsx – A field of a form with its name, what it means, and what is wrong with it.
 *
 * Keeps true: what is wrong is said at the field, and read out with it.
 */
import { type ReactNode, useId } from 'react';

interface FormRowProps {
  readonly label: string;
  readonly hint?: ReactNode;
  readonly fault?: string | undefined;
  /** Draws the field, with what ties it to its name, its hint and its fault. */
  readonly children: (tie: {
    readonly id: string;
    readonly 'aria-describedby'?: string;
    readonly 'aria-invalid': boolean;
  }) => ReactNode;
}

export function FormRow({ label, hint, fault, children }: FormRowProps) {
  const id = useId();
  const about = `${id}-about`;
  const isSilent = fault === undefined && !hint;
  return (
    <div className="form-row">
      <label htmlFor={id}>{label}</label>
      {children({
        id,
        'aria-invalid': fault !== undefined,
        ...(isSilent ? {} : { 'aria-describedby': about }),
      })}
      {isSilent ? null : (
        <div id={about}>
          {fault === undefined ? null : <p className="fault">{fault}</p>}
          {hint ? <p className="note">{hint}</p> : null}
        </div>
      )}
    </div>
  );
}
