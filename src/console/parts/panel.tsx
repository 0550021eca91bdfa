/**
 * panel.tsx – A part of a page: a card with its own heading, and what can be done there.
 */
import { type ReactNode, useId } from 'react';

interface PanelProps {
  readonly title: string;
  /** Beside the heading: a count, a state. */
  readonly beside?: ReactNode;
  readonly actions?: ReactNode;
  readonly className?: string;
  readonly children: ReactNode;
}

export function Panel({ title, beside, actions, className = '', children }: PanelProps) {
  const id = useId();
  return (
    <section className={`card panel ${className}`} aria-labelledby={id}>
      <div className="panel-head">
        <h2 id={id}>{title}</h2>
        {beside}
        {actions ? <div className="panel-actions">{actions}</div> : null}
      </div>
      {children}
    </section>
  );
}
