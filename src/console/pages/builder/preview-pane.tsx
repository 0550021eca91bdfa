/**
 * preview-pane.tsx – Who would be in the segment: how many, who stays, joins and leaves, and some
 * of them; the filter as JSON; what uses the segment.
 *
 * Keeps true: an old number is greyed until there is a new one, and never 0 for "unknown".
 */
import { ShieldCheck } from 'lucide-react';
import { type CSSProperties, memo, type ReactNode, useEffect, useRef, useState } from 'react';
import { Tab, TabList, TabPanel, Tabs } from 'react-aria-components/Tabs';
import { Link } from 'wouter';
import type { ObjectType } from '../../../change/object-type.ts';
import { recordsInWords } from '../../../query/words/names.ts';
import { hasPage } from '../../pages.tsx';
import { Button } from '../../parts/button.tsx';
import { Choice } from '../../parts/choice.tsx';
import { KeyCap } from '../../parts/key-cap.tsx';
import { numberText, shareText, timeText } from '../../parts/words.ts';
import type { DraftGroup } from './draft.ts';
import type { NodeFault } from './faults.ts';
import { focusNode } from './focus.ts';
import { NEW_DRAFT } from './kept-draft.ts';
import type { DraftPreview, PreviewShown, SampleShown } from './previewing.ts';

const WHY = '/segments/:slug/members/:id';
const SAID_MS = 5000;

interface PreviewPaneProps {
  readonly preview: DraftPreview<DraftGroup>;
  readonly type: ObjectType;
  readonly slug: string | undefined;
  /** What keeps it from being counted. */
  readonly waitsFor: readonly NodeFault[];
  readonly isAsked: boolean;
  readonly onAsked: (isAsked: boolean) => void;
  readonly query: unknown;
  readonly jsonLogic: unknown;
  readonly uses?: ReactNode;
  readonly usesTitle?: string | undefined;
  readonly children?: ReactNode;
}

/** It is drawn again only if something in it has changed: typing comes first. */
export const PreviewPane = memo(function PreviewPane(props: PreviewPaneProps) {
  const { query, jsonLogic, uses, usesTitle, children } = props;
  return (
    <aside className="card preview" aria-label="Preview">
      <Tabs>
        <TabList className="preview-tabs" aria-label="Preview">
          <Tab id="preview" className="tab">
            Preview
          </Tab>
          <Tab id="json" className="tab">
            JsonLogic
          </Tab>
          {uses ? (
            <Tab id="uses" className="tab">
              {usesTitle}
            </Tab>
          ) : null}
        </TabList>
        <TabPanel id="preview">
          <PreviewBody {...props} />
        </TabPanel>
        <TabPanel id="json" className="preview-json">
          <h2>Query, as it is saved</h2>
          <JsonText value={query} />
          <h2>As JsonLogic</h2>
          {jsonLogic === undefined ? (
            <p className="quiet">The filter is not complete yet.</p>
          ) : (
            <JsonText value={jsonLogic} />
          )}
        </TabPanel>
        {uses ? (
          <TabPanel id="uses" className="preview-uses">
            {uses}
          </TabPanel>
        ) : null}
      </Tabs>
      {children}
    </aside>
  );
});

function JsonText({ value }: { readonly value: unknown }) {
  const text = typeof value === 'string' ? value : JSON.stringify(value, null, 2);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and the keyboard must reach it
    <pre className="code" tabIndex={0}>
      {text}
    </pre>
  );
}

function PreviewBody({ preview, type, slug, waitsFor, isAsked, onAsked }: PreviewPaneProps) {
  const { shown, isOld, isCounting, progress, error, isSlow, countNow, tookMs } = preview;
  const records = recordsInWords(type);
  const [first] = waitsFor;
  return (
    <>
      <div className={`preview-count${isOld ? ' is-old' : ''}`}>
        <span className={`preview-bar${isCounting ? ' is-busy' : ''}`} aria-hidden="true" />
        {shown?.count == null ? (
          <span className="preview-none">{shown ? 'Not counted in time' : 'No count yet'}</span>
        ) : (
          <span className="preview-number number">{numberText(shown.count)}</span>
        )}
        {shown?.count != null && shown.of != null ? (
          <p>
            of {numberText(shown.of)} {records}, {shareText(shown.count, shown.of) || '0 %'}
          </p>
        ) : null}
        {shown?.count != null && !isOld && tookMs !== undefined ? (
          <p className="preview-exact">
            <ShieldCheck className="icon" aria-hidden="true" />
            Exact as of {timeText(shown.as_of_time)}, counted in {Math.round(tookMs)} ms
          </p>
        ) : null}
        <p className="preview-state">
          {first ? (
            <WaitsFor fault={first} isOld={isOld && shown !== undefined} />
          ) : error ? (
            errorText(error)
          ) : isCounting ? (
            progress === undefined ? (
              'Counting'
            ) : (
              `Counting, ${Math.floor(progress * 100)} %`
            )
          ) : isAsked && isOld && shown ? (
            'Of an earlier draft.'
          ) : null}
        </p>
        <SaidCount shown={shown} isOld={isOld} records={records} />
        {isSlow || isAsked ? (
          <label className="preview-asked">
            <input
              type="checkbox"
              checked={isAsked}
              onChange={({ target }) => onAsked(target.checked)}
            />
            Count when I ask
          </label>
        ) : null}
        {(isAsked && isOld) || error ? (
          <Button size="small" isDisabled={first !== undefined} onPress={countNow}>
            Count <KeyCap name="Ctrl Enter" />
          </Button>
        ) : null}
      </div>
      {shown?.added && shown.removed ? <Difference shown={shown} isOld={isOld} /> : null}
      {shown ? <Samples shown={shown} slug={slug} /> : null}
    </>
  );
}

/** Which condition keeps it from being counted; it leads there. */
function WaitsFor({ fault, isOld }: { readonly fault: NodeFault; readonly isOld: boolean }) {
  const { at, detail, about, isUnfinished } = fault;
  return (
    <>
      {isOld ? 'Of an earlier draft. ' : ''}The count waits for{' '}
      <button type="button" className="preview-waits" onClick={() => focusNode(at)}>
        {about ?? (at === '' ? 'the filter' : 'a condition')}
      </button>
      {isUnfinished ? `: ${detail.charAt(0).toLowerCase()}${detail.slice(1)}.` : `: ${detail}`}
    </>
  );
}

function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

interface SaidCountProps {
  readonly shown: PreviewShown | undefined;
  readonly isOld: boolean;
  readonly records: string;
}

/** The count for screen readers: at most every five seconds, and no number that is old. */
function SaidCount({ shown, isOld, records }: SaidCountProps) {
  const [said, setSaid] = useState('');
  const lastMs = useRef(0);
  const text = shown?.count == null || isOld ? undefined : `${numberText(shown.count)} ${records}`;
  useEffect(() => {
    if (text === undefined) return;
    const waitMs = Math.max(0, lastMs.current + SAID_MS - performance.now());
    const timer = setTimeout(() => {
      lastMs.current = performance.now();
      setSaid(text);
    }, waitMs);
    return () => clearTimeout(timer);
  }, [text]);
  return (
    <span className="unseen" aria-live="polite">
      {said}
    </span>
  );
}

function Difference({ shown, isOld }: { readonly shown: PreviewShown; readonly isOld: boolean }) {
  const joins = shown.added?.count ?? 0;
  const leaves = shown.removed?.count ?? 0;
  const stays = Math.max(0, (shown.count ?? 0) - joins);
  const parts = [
    ['stay', 'Stay', stays, ''],
    ['join', 'Would join', joins, '+'],
    ['leave', 'Would leave', leaves, '−'],
  ] as const;
  return (
    <div className={`preview-difference${isOld ? ' is-old' : ''}`}>
      <div className="difference-bar" aria-hidden="true">
        {parts.map(([name, , count]) =>
          count > 0 ? (
            <i key={name} className={`is-${name}`} style={{ '--part': count } as CSSProperties} />
          ) : null,
        )}
      </div>
      <dl>
        {parts.map(([name, title, count, sign]) => (
          <div key={name} className={`is-${name}`}>
            <dt>{title}</dt>
            <dd className="number">
              {count > 0 ? sign : ''}
              {numberText(count)}
            </dd>
          </div>
        ))}
      </dl>
    </div>
  );
}

type SampleName = 'members' | 'joining' | 'leaving';

function Samples({
  shown,
  slug,
}: {
  readonly shown: PreviewShown;
  readonly slug: string | undefined;
}) {
  const [chosen, setChosen] = useState<SampleName>('members');
  const samples: Readonly<Record<SampleName, readonly SampleShown[]>> = {
    members: shown.sample,
    joining: shown.added?.sample ?? [],
    leaving: shown.removed?.sample ?? [],
  };
  const name = shown.added ? chosen : 'members';
  const rows = samples[name];
  return (
    <div className="preview-samples">
      {shown.added ? (
        <Choice
          label="Sample of"
          choices={[
            ['members', 'Members'],
            ['joining', 'Joining'],
            ['leaving', 'Leaving'],
          ]}
          value={name}
          onChoose={setChosen}
        />
      ) : null}
      {rows.length === 0 ? <p className="quiet">Nobody.</p> : null}
      <ul>
        {rows.map(({ id, title }) => (
          <li key={id}>
            <span className="avatar" aria-hidden="true">
              {initials(title)}
            </span>
            <span className="sample-name">
              <b>{title}</b>
              {title === id ? null : <small>{id}</small>}
            </span>
            {hasPage(WHY) ? (
              <Link
                href={`/segments/${slug ?? NEW_DRAFT}/members/${encodeURIComponent(id)}?draft=1`}
              >
                Why<span className="unseen"> {title}</span>
              </Link>
            ) : null}
          </li>
        ))}
      </ul>
    </div>
  );
}

function initials(title: string): string {
  const words = title.split(/[\s@._-]+/).filter(Boolean);
  const letters = words.slice(0, 2).map((word) => [...word][0] ?? '');
  return letters.join('').toUpperCase();
}
