/**
 * segment-list.tsx – A button that opens the segments of a type, to be found by title; what stands
 * beside each, the page decides.
 */
import './record-parts.css';
import { useQuery } from '@tanstack/react-query';
import { ChevronDown } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import { Button as AriaButton } from 'react-aria-components/Button';
import { Dialog, DialogTrigger } from 'react-aria-components/Dialog';
import { Popover } from 'react-aria-components/Popover';
import { type ListedSegment, segmentsQuery } from '../server/queries.ts';
import { SearchField } from './search-field.tsx';

/** Of thousands those are drawn that one may look through; typing finds the others. */
const SHOWN_MAX = 50;

interface FoundListProps {
  readonly label: string;
  readonly objectType: string;
  readonly row: (segment: ListedSegment, close: () => void) => ReactNode;
}

export function SegmentList({ label, objectType, row }: FoundListProps) {
  return (
    <DialogTrigger>
      <AriaButton className="button">
        {label}
        <ChevronDown className="icon" aria-hidden="true" />
      </AriaButton>
      <Popover className="popover" placement="bottom end">
        <Dialog className="segment-list" aria-label={label}>
          {({ close }) => (
            <FoundSegments objectType={objectType} row={(each) => row(each, close)} />
          )}
        </Dialog>
      </Popover>
    </DialogTrigger>
  );
}

interface FoundSegmentsProps {
  readonly objectType: string;
  readonly row: (segment: ListedSegment) => ReactNode;
}

function FoundSegments({ objectType, row }: FoundSegmentsProps) {
  const { data: segments } = useQuery(segmentsQuery);
  const [text, setText] = useState('');
  const wanted = text.trim().toLowerCase();
  const found = (segments ?? []).filter(
    ({ object_type, title, slug }) =>
      object_type === objectType && (title.toLowerCase().includes(wanted) || slug.includes(wanted)),
  );
  return (
    <>
      <SearchField label="Find a segment" value={text} onChange={setText} />
      <ul>
        {found.slice(0, SHOWN_MAX).map((each) => (
          <li key={each.slug}>{row(each)}</li>
        ))}
      </ul>
      {found.length === 0 ? <p className="quiet">No segment like that.</p> : null}
      {found.length > SHOWN_MAX ? (
        <p className="quiet">{found.length - SHOWN_MAX} more: type to find them.</p>
      ) : null}
    </>
  );
}
