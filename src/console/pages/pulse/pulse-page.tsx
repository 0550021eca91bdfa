/**
 * pulse-page.tsx – How the deployment is doing: what comes in, what moves, what waits, what could
 * not be applied, and whether all that is stored is right.
 */
import '../../styles/panels.css';
import './pulse.css';
import { useState } from 'react';
import { Area } from '../../parts/area.tsx';
import { Panel } from '../../parts/panel.tsx';
import { countedText, numberText } from '../../parts/words.ts';
import { useMay } from '../../session/use-session.ts';
import { LiveDot } from '../../shell/live-dot.tsx';
import { PageFrame } from '../../shell/page.tsx';
import { usePulse } from '../../stream/use-stream.ts';
import { AuditPanel } from './audit-panel.tsx';
import { LettersPanel } from './letters-panel.tsx';
import { useRates } from './rates.ts';
import { Tail } from './tail.tsx';

/** Entries that wait: from so many on a partition is behind, or far behind. */
const SOME_LAG = 1;
const MUCH_LAG = 1000;

export default function PulsePage() {
  const mayEdit = useMay('write_catalog');
  return (
    <PageFrame
      title="Pulse"
      crumbs={[{ title: 'Operations' }]}
      beside={<LiveDot />}
      subtitle="What comes in, what moves, what waits, and whether all of it is right."
    >
      <Rates />
      <div className="pulse-pair">
        <LagPanel />
        <DuePanel />
      </div>
      <Tail />
      <div className="pulse-pair">
        {mayEdit ? <LettersPanel /> : <LettersCount />}
        <AuditPanel />
      </div>
    </PageFrame>
  );
}

function Rates() {
  const pulse = usePulse();
  const seconds = useRates();
  const minutes = Math.max(1, Math.ceil(seconds.length / 60));
  const since = `the last ${countedText(minutes, 'minute')}`;
  return (
    <section className="card rates" aria-label="Rates">
      <div>
        <h2>Changes a second</h2>
        <Rate value={pulse?.changes_per_s} />
        <Area
          label={`Changes a second over ${since}`}
          values={seconds.map(({ changes }) => changes)}
        />
      </div>
      <div>
        <h2>Joined or left a second</h2>
        <Rate value={pulse?.flips_per_s} />
        <Area
          label={`Joined or left a second over ${since}`}
          values={seconds.map(({ flips }) => flips)}
        />
      </div>
    </section>
  );
}

/** Undefined before the first; null in a process that works nothing off. */
function Rate({ value }: { readonly value: number | null | undefined }) {
  if (value === undefined) return <span className="skeleton" />;
  if (value === null) return <p className="quiet">Counted by the workers, at their /metrics</p>;
  return (
    <p className="is-live-number">
      <b className="number">{numberText(value)}</b>
    </p>
  );
}

function LagPanel() {
  const lag = usePulse()?.lag;
  const [chosen, setChosen] = useState<number>();
  const total = lag?.reduce((sum, entries) => sum + entries, 0);
  const most = Math.max(MUCH_LAG, ...(lag ?? []));
  return (
    <Panel
      title="Lag per partition"
      beside={
        total === undefined ? null : (
          <span className={total === 0 ? 'quiet' : 'due'}>
            {total === 0 ? 'Nothing waits' : `${countedText(total, 'entry', 'entries')} wait`}
          </span>
        )
      }
    >
      <div className="panel-body">
        {lag ? (
          <ul className="lag">
            {lag.map((entries, partition) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: the place is the partition
              <li key={partition}>
                <button
                  type="button"
                  className={`lag-cell ${lagLook(entries)}`}
                  aria-label={lagText(partition, entries)}
                  title={lagText(partition, entries)}
                  aria-pressed={partition === chosen}
                  onClick={() => setChosen(partition === chosen ? undefined : partition)}
                >
                  <svg viewBox="0 0 10 40" preserveAspectRatio="none" aria-hidden="true">
                    <rect
                      x="0"
                      width="10"
                      y={40 - lagHeight(entries, most)}
                      height={lagHeight(entries, most)}
                      fill="currentColor"
                    />
                  </svg>
                  <span className="number">{partition}</span>
                </button>
              </li>
            ))}
          </ul>
        ) : (
          <span className="skeleton" />
        )}
        <p className="note" role="status">
          {lag && chosen !== undefined && chosen < lag.length
            ? `${lagText(chosen, lag[chosen]!)}.`
            : 'Entries of each log that are not applied yet.'}
        </p>
      </div>
    </Panel>
  );
}

function lagText(partition: number, entries: number): string {
  const waiting =
    entries === 0 ? 'nothing waits' : `${countedText(entries, 'entry', 'entries')} wait`;
  return `Partition ${partition}: ${waiting}`;
}

function lagLook(entries: number): string {
  return entries >= MUCH_LAG ? 'is-much' : entries >= SOME_LAG ? 'is-some' : 'is-none';
}

/** By powers: ten and ten thousand are both to be seen. */
function lagHeight(entries: number, most: number): number {
  return 3 + 37 * (Math.log1p(entries) / Math.log1p(most));
}

const BAR = { width: 10, gap: 4, height: 56 } as const;

function DuePanel() {
  const due = usePulse()?.due;
  const total = due?.reduce((sum, count) => sum + count, 0);
  const most = Math.max(1, ...(due ?? []));
  const step = BAR.width + BAR.gap;
  return (
    <Panel
      title="Due by the clock alone"
      beside={
        total === undefined ? null : (
          <span>
            <b className="number due">{numberText(total)}</b> {total === 1 ? 'record' : 'records'}{' '}
            in 24 hours
          </span>
        )
      }
    >
      <div className="panel-body">
        {due ? (
          <svg
            className="due-bars"
            viewBox={`0 0 ${due.length * step - BAR.gap} ${BAR.height}`}
            preserveAspectRatio="none"
            role="img"
            aria-label={`By the hour from now: ${due.join(', ')}`}
          >
            {due.map((count, hour) => {
              const height = count === 0 ? 1 : 3 + (count / most) * (BAR.height - 4);
              return (
                // biome-ignore lint/suspicious/noArrayIndexKey: the place is the hour
                <g key={hour}>
                  <title>{`In ${hour} to ${hour + 1} h: ${countedText(count, 'record')}`}</title>
                  <rect
                    x={hour * step}
                    y={BAR.height - height}
                    width={BAR.width}
                    height={height}
                    rx="1.5"
                  />
                </g>
              );
            })}
          </svg>
        ) : (
          <span className="skeleton" />
        )}
        <p className="due-scale quiet">
          <span>Now</span>
          <span>12 h</span>
          <span>24 h</span>
        </p>
      </div>
    </Panel>
  );
}

/** For who may not read them: how many there are. */
function LettersCount() {
  const count = usePulse()?.dead_letters;
  return (
    <Panel title="Dead letters">
      <div className="panel-body">
        {count === undefined ? (
          <span className="skeleton" />
        ) : (
          <p>
            {count === 0
              ? 'Everything could be applied.'
              : `${countedText(count, 'change')} could not be applied. Ask somebody with a service key to look.`}
          </p>
        )}
      </div>
    </Panel>
  );
}
