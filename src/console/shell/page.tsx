/**
 * page.tsx – The frame of a page: where one is, what it is called, what can be done.
 *
 * Keeps true: the title of the tab follows. When another page is opened the focus is on its
 * heading, so that it is read out and the next Tab leads into it.
 */
import { ChevronRight, Search } from 'lucide-react';
import {
  createContext,
  Fragment,
  type ReactNode,
  Suspense,
  useContext,
  useEffect,
  useRef,
} from 'react';
import { Link } from 'wouter';
import { Button } from '../parts/button.tsx';
import { KeyCap } from '../parts/key-cap.tsx';
import { later } from '../parts/later.ts';

const ThemeSwitch = later(() => import('./theme-switch.tsx'));

/** Opens "Find anything". */
export const FinderContext = createContext<() => void>(() => {});

interface Crumb {
  readonly title: string;
  readonly to?: string;
}

interface PageFrameProps {
  readonly title: string;
  readonly crumbs: readonly Crumb[];
  /** Before the title: the letters of a person, … */
  readonly before?: ReactNode;
  /** Beside the title: the tag of the type, … */
  readonly beside?: ReactNode;
  readonly subtitle?: ReactNode;
  readonly actions?: ReactNode;
  readonly children: ReactNode;
}

export function PageFrame(props: PageFrameProps) {
  const { title, crumbs, before, beside, subtitle, actions, children } = props;
  const openFinder = useContext(FinderContext);
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} – Rollcall`;
  }, [title]);
  useEffect(() => {
    heading.current?.focus({ preventScroll: true });
  }, []);
  return (
    <>
      <div className="top">
        <nav aria-label="Where you are">
          <ol className="crumbs">
            {crumbs.map(({ title: name, to }) => (
              <Fragment key={name}>
                <li>{to === undefined ? name : <Link href={to}>{name}</Link>}</li>
                <li aria-hidden="true">
                  <ChevronRight className="icon" />
                </li>
              </Fragment>
            ))}
            <li aria-current="page">{title}</li>
          </ol>
        </nav>
        <span className="grow" />
        <Button kind="ghost" size="small" onPress={openFinder}>
          <Search className="icon" aria-hidden="true" />
          Find anything <KeyCap name="Ctrl K" />
        </Button>
        <Suspense fallback={null}>
          <ThemeSwitch />
        </Suspense>
      </div>
      <div className="head">
        {before}
        <div>
          <div className="head-title">
            <h1 ref={heading} tabIndex={-1}>
              {title}
            </h1>
            {beside}
          </div>
          {subtitle ? <div className="head-second">{subtitle}</div> : null}
        </div>
        {actions ? <div className="head-actions">{actions}</div> : null}
      </div>
      {children}
    </>
  );
}
