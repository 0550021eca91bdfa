/**
 * progress.ts – A bar for a terminal; nothing for a pipe, whose reader wants the outcome only.
 */
import cliProgress from 'cli-progress';

export interface Bar {
  readonly show: (done: number, total: number) => void;
  readonly close: () => void;
}

export function openBar(unit: string): Bar {
  if (!process.stderr.isTTY) return { show: () => {}, close: () => {} };
  const bar = new cliProgress.SingleBar({
    format: `{bar} {percentage} %  {value} of {total} ${unit}`,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    barsize: 30,
    clearOnComplete: true,
    formatValue: (value, _, kind) =>
      kind === 'percentage' ? String(value).padStart(3) : value.toLocaleString('en-US'),
    stream: process.stderr,
  });
  let isOpen = false;
  return {
    show: (done, total) => {
      if (isOpen) bar.setTotal(total);
      else bar.start(total, 0);
      isOpen = true;
      bar.update(done);
    },
    close: () => {
      if (isOpen) bar.stop();
    },
  };
}
