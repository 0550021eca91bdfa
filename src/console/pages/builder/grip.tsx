/**
 * grip.tsx – Moves a condition or group: by the arrow keys.
 */
import { GripVertical } from 'lucide-react';
import { useEditing } from './editing.ts';

export function Grip({ path }: { readonly path: string }) {
  const { act } = useEditing();
  return (
    <button
      type="button"
      className="builder-grip"
      aria-label="Move, with the arrow keys"
      onKeyDown={(event) => {
        const way = event.key === 'ArrowUp' ? 'up' : event.key === 'ArrowDown' ? 'down' : undefined;
        if (!way) return;
        event.preventDefault();
        event.stopPropagation();
        act(way, path);
      }}
    >
      <GripVertical className="icon" aria-hidden="true" />
    </button>
  );
}
