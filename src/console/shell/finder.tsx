/**
 * finder.tsx – "Find anything": segments and types by name, records by the beginning of their id.
 */
import { useQueries, useQuery } from '@tanstack/react-query';
import { Filter, Search } from 'lucide-react';
import { type KeyboardEvent, useEffect, useId, useState } from 'react';
import { Dialog } from 'react-aria-components/Dialog';
import { Modal, ModalOverlay } from 'react-aria-components/Modal';
import { useLocation } from 'wouter';
import { hasPage } from '../pages.tsx';
import { lookOf } from '../parts/type-look.ts';
import { titleText } from '../parts/words.ts';
import type { RecordShown } from '../server/answers.ts';
import { ask } from '../server/ask.ts';
import { segmentsQuery, typesQuery } from '../server/queries.ts';

interface FoundEntry {
  readonly key: string;
  readonly title: string;
  readonly note: string;
  readonly to: string;
  readonly icon: React.ReactNode;
}

const SEGMENTS_MAX = 8;
const RECORDS_MAX = 4;
const TYPED_MS = 200;

export default function Finder({
  isOpen,
  onClose,
}: {
  readonly isOpen: boolean;
  readonly onClose: () => void;
}) {
  return (
    <ModalOverlay
      className="veil"
      isOpen={isOpen}
      onOpenChange={(open) => !open && onClose()}
      isDismissable
    >
      <Modal className="dialog">
        <Dialog aria-label="Find anything" className="finder">
          <FinderBody onClose={onClose} />
        </Dialog>
      </Modal>
    </ModalOverlay>
  );
}

function FinderBody({ onClose }: { readonly onClose: () => void }) {
  const [text, setText] = useState('');
  const [at, setAt] = useState(0);
  const [, goTo] = useLocation();
  const id = useId();
  const found = useFound(text.trim());
  const chosen = Math.min(at, found.length - 1);
  const open = ({ to }: FoundEntry) => {
    onClose();
    goTo(to);
  };
  const press = (event: KeyboardEvent) => {
    const by = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    if (by !== 0) setAt((chosen + by + found.length) % Math.max(1, found.length));
    else if (event.key === 'Enter' && found[chosen]) open(found[chosen]);
    else return;
    event.preventDefault();
  };
  return (
    <>
      <div className="finder-field">
        <Search className="icon" aria-hidden="true" />
        <input
          // biome-ignore lint/a11y/noAutofocus: who opens it wants to type
          autoFocus
          role="combobox"
          aria-label="Find segments, types, and records by id"
          aria-expanded={found.length > 0}
          aria-controls={`${id}-list`}
          aria-activedescendant={found[chosen] ? `${id}-${chosen}` : undefined}
          autoComplete="off"
          placeholder="Segments, types, records by id"
          value={text}
          onChange={({ target }) => {
            setText(target.value);
            setAt(0);
          }}
          onKeyDown={press}
        />
      </div>
      <div className="finder-list" role="listbox" id={`${id}-list`} aria-label="Found">
        {found.map((each, index) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the field has the keys
          <div
            key={each.key}
            id={`${id}-${index}`}
            className="finder-row"
            role="option"
            tabIndex={-1}
            aria-selected={index === chosen}
            data-focused={index === chosen || undefined}
            onClick={() => open(each)}
            onPointerMove={() => setAt(index)}
          >
            {each.icon}
            {each.title}
            <small>{each.note}</small>
          </div>
        ))}
      </div>
      {found.length === 0 ? <p className="finder-empty">Nothing is called that.</p> : null}
    </>
  );
}

function useFound(text: string): FoundEntry[] {
  const segments = useQuery(segmentsQuery).data ?? [];
  const types = useQuery(typesQuery).data ?? [];
  const records = useRecordsById(
    text,
    types.map(({ name }) => name),
  );
  const sought = text.toLowerCase();
  const holds = (...names: readonly string[]) =>
    names.some((name) => name.toLowerCase().includes(sought));
  return [
    ...segments
      .filter(({ slug, title }) => holds(slug, title))
      .slice(0, SEGMENTS_MAX)
      .map(({ slug, title, object_type: type }) => ({
        key: `segment ${slug}`,
        title,
        note: `Segment of ${titleText(type).toLowerCase()}`,
        to: `/segments/${slug}`,
        icon: <Filter className="icon" aria-hidden="true" />,
      })),
    ...types
      .filter(({ name, label = '' }) => holds(name, label))
      .map(({ name, label }) => ({
        key: `type ${name}`,
        title: titleText(name, label),
        note: 'Object type',
        to: hasPage('/records/:type') ? `/records/${name}` : `/segments?type=${name}`,
        icon: iconOf(name),
      })),
    ...records.map(({ object_type: type, id }) => ({
      key: `record ${type} ${id}`,
      title: id,
      note: titleText(type),
      to: `/records/${type}/${encodeURIComponent(id)}`,
      icon: iconOf(type),
    })),
  ];
}

function iconOf(type: string) {
  const { Icon } = lookOf(type);
  return <Icon className="icon" aria-hidden="true" />;
}

/** Of each type the first few; asked for once one has stopped typing. */
function useRecordsById(text: string, types: readonly string[]): RecordShown[] {
  const [typed, setTyped] = useState('');
  useEffect(() => {
    const timer = setTimeout(() => setTyped(text), TYPED_MS);
    return () => clearTimeout(timer);
  }, [text]);
  const isAsked = typed !== '' && hasPage('/records/:type/:id');
  const answers = useQueries({
    queries: types.map((type) => ({
      queryKey: ['records by id', type, typed],
      enabled: isAsked,
      queryFn: async ({ signal }: { signal: AbortSignal }) => {
        const query = `q=${encodeURIComponent(typed)}&limit=${RECORDS_MAX}`;
        const path = `/v1/records/${encodeURIComponent(type)}?${query}`;
        return (await ask<{ data: RecordShown[] }>(path, { signal })).data;
      },
    })),
  });
  return isAsked ? answers.flatMap(({ data }) => data ?? []) : [];
}
