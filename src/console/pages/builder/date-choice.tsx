/**
 * date-choice.tsx – The three ways to say when: a moving window, a period of the calendar, or fixed
 * days; each with its sentence and with where its bounds lie today.
 */
import { CalendarClock } from 'lucide-react';
import { useRef, useState } from 'react';
import { Dialog } from 'react-aria-components/Dialog';
import { Popover } from 'react-aria-components/Popover';
import { Tab, TabList, TabPanel, Tabs } from 'react-aria-components/Tabs';
import type { ObjectType } from '../../../change/object-type.ts';
import type { RuleSubject } from '../../../query/words/subject.ts';
import {
  boundsInWords,
  DATE_WAYS,
  type DateWay,
  dateWayOf,
  inRow,
  inWay,
  rowsOfWay,
} from './dates.ts';
import { type DraftRule, newGroup } from './draft.ts';
import { useEditing } from './editing.ts';
import { sentenceOf } from './faults.ts';
import type { OperatorRow } from './fields.ts';
import { ValueControl } from './value-controls.tsx';

const TITLES: Readonly<Record<DateWay, string>> = {
  window: 'Moving window',
  period: 'Calendar period',
  fixed: 'Fixed',
};

interface DateChoiceProps {
  readonly rule: DraftRule;
  readonly rows: readonly OperatorRow[];
  readonly row: OperatorRow;
  readonly subject: RuleSubject;
  readonly type: ObjectType;
  readonly path: string;
}

export function DateChoice({ rule, rows, row, subject, type, path }: DateChoiceProps) {
  const { change, table } = useEditing();
  const [isOpen, setOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const way = dateWayOf(row, rule.value);
  const ways = DATE_WAYS.filter((each) => rowsOfWay(each, rows).length > 0);
  return (
    <>
      <button
        ref={button}
        type="button"
        className="builder-icon"
        aria-label="When: moving window, calendar period or fixed"
        aria-haspopup="dialog"
        aria-expanded={isOpen}
        onClick={() => setOpen(true)}
      >
        <CalendarClock className="icon" aria-hidden="true" />
      </button>
      {isOpen ? (
        <Popover
          className="popover date-popover"
          triggerRef={button}
          isOpen
          onOpenChange={setOpen}
          placement="bottom start"
        >
          <Dialog aria-label="When" className="date-dialog">
            <Tabs
              selectedKey={way}
              onSelectionChange={(next) =>
                change(path, (now) => inWay(now, next as DateWay, rows, table))
              }
            >
              <TabList className="date-tabs" aria-label="How it is said">
                {ways.map((each) => (
                  <Tab key={each} id={each} className="tab">
                    {TITLES[each]}
                  </Tab>
                ))}
              </TabList>
              {ways.map((each) => (
                <TabPanel key={each} id={each} className="date-panel">
                  <div className="date-controls">
                    <select
                      className="builder-select"
                      aria-label="Operator"
                      value={row.name}
                      onChange={({ target }) => {
                        const next = rows.find(({ name }) => name === target.value);
                        if (next) change(path, (now) => inRow(now, each, next, table));
                      }}
                    >
                      {rowsOfWay(each, rows).map(({ name, words }) => (
                        <option key={name} value={name}>
                          {words}
                        </option>
                      ))}
                    </select>
                    <ValueControl {...{ rule, row, subject, type, path }} isFaulty={false} />
                  </div>
                  <DateWords rule={rule} row={row} type={type} />
                </TabPanel>
              ))}
            </Tabs>
          </Dialog>
        </Popover>
      ) : null}
    </>
  );
}

interface DateWordsProps {
  readonly rule: DraftRule;
  readonly row: OperatorRow;
  readonly type: ObjectType;
}

function DateWords({ rule, row, type }: DateWordsProps) {
  const { types, timeZone, segments } = useEditing();
  const words = sentenceOf(newGroup([rule]), { type, types, timeZone, segments });
  const bounds = boundsInWords(row, rule.value, Date.now(), timeZone);
  return (
    <div className="date-words" aria-live="polite">
      <p>{words}</p>
      <p className="quiet">
        {bounds ? `Now: ${bounds}` : 'It does not move with time'} ({timeZone})
      </p>
    </div>
  );
}
