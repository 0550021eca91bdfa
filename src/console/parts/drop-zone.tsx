/**
 * drop-zone.tsx – Where a file is dropped, or chosen by the keyboard.
 */
import { FileUp } from 'lucide-react';
import { type DragEvent, useId, useState } from 'react';

interface DropZoneProps {
  /** "Drop a seed here, or choose a file" */
  readonly title: string;
  readonly hint: string;
  /** Endings and types that are offered: ".json,.ndjson". */
  readonly accept: string;
  readonly onFile: (file: File) => void;
}

export function DropZone({ title, hint, accept, onFile }: DropZoneProps) {
  const [isOver, setIsOver] = useState(false);
  const id = useId();
  const about = `${id}-about`;
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setIsOver(false);
    const file = event.dataTransfer.files[0];
    if (file) onFile(file);
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: to drop is extra; the field does it
    <div
      className={`drop-zone${isOver ? ' is-over' : ''}`}
      onDragOver={(event) => {
        event.preventDefault();
        setIsOver(true);
      }}
      onDragLeave={() => setIsOver(false)}
      onDrop={drop}
    >
      <FileUp className="icon" aria-hidden="true" />
      <label htmlFor={id}>{title}</label>
      <p id={about}>{hint}</p>
      <input
        id={id}
        type="file"
        accept={accept}
        aria-describedby={about}
        onChange={({ target }) => {
          const file = target.files?.[0];
          // The same file may be chosen again after it was mended.
          target.value = '';
          if (file) onFile(file);
        }}
      />
    </div>
  );
}
