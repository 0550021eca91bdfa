/**
 * tabs.tsx – The parts of a page, each with an address of its own.
 */
import { Link } from 'wouter';

interface Tab {
  readonly title: string;
  readonly to: string;
  readonly isCurrent: boolean;
}

/** Links, not a widget: each tab is a page that can be opened, kept and sent. */
export function Tabs({ label, tabs }: { readonly label: string; readonly tabs: readonly Tab[] }) {
  return (
    <nav className="tab-list" aria-label={label}>
      {tabs.map(({ title, to, isCurrent }) => (
        <Link
          key={to}
          className="tab"
          href={to}
          {...(isCurrent ? { 'aria-current': 'page' as const } : {})}
        >
          {title}
        </Link>
      ))}
    </nav>
  );
}
