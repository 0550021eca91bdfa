/**
 * download.ts – Whole answers as files: what a link can't ask for, because its form is said in a
 * header.
 */
import { useEffect, useRef, useState } from 'react';
import { refusalOf, unreachable } from '../../server/refusal.ts';

const MEGABYTE = 1_000_000;

export interface Downloading {
  readonly isRunning: boolean;
  /** How far it is, or why it ended. */
  readonly text: string;
  readonly begin: (path: string, accept: string, name: string) => void;
  readonly stop: () => void;
}

export function useDownload(): Downloading {
  const [text, setText] = useState('');
  const [running, setRunning] = useState<AbortController>();
  const latest = useRef(running);
  latest.current = running;
  useEffect(() => () => latest.current?.abort(), []);
  const begin = (path: string, accept: string, name: string) => {
    const ending = new AbortController();
    setRunning(ending);
    setText('Asked for');
    const tell = (bytes: number) => setText(`${(bytes / MEGABYTE).toFixed(1)} MB so far`);
    fetchWhole(path, accept, ending.signal, tell)
      .then((content) => {
        saveAs(content, name);
        setText(`${name} is there`);
      })
      .catch((error: unknown) => {
        const reason = error instanceof Error ? error.message : String(error);
        setText(ending.signal.aborted ? 'Stopped' : reason);
      })
      .finally(() => setRunning(undefined));
  };
  return { isRunning: running !== undefined, text, begin, stop: () => running?.abort() };
}

/** @throws ServerRefusal */
async function fetchWhole(
  path: string,
  accept: string,
  signal: AbortSignal,
  tell: (bytes: number) => void,
): Promise<Blob> {
  const asked = { headers: { accept }, credentials: 'same-origin', signal } as const;
  const answer = await fetch(path, asked).catch((error: unknown) => {
    throw signal.aborted ? error : unreachable();
  });
  if (!answer.ok) throw await refusalOf(answer);
  const parts: Uint8Array<ArrayBuffer>[] = [];
  const reader = answer.body!.getReader();
  for (let bytes = 0; ; ) {
    const { done, value } = await reader.read();
    if (done) return new Blob(parts, { type: accept });
    parts.push(value);
    bytes += value.length;
    tell(bytes);
  }
}

function saveAs(content: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  // The browser has taken it by then.
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
