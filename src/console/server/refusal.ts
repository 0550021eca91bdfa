/**
 * refusal.ts – A request that was not carried out: the problem document of the server, or none
 * because the server could not be reached.
 *
 * Keeps true: pages show `message` as it is: it says in words what is wrong.
 */
import type { ErrorCode, Fault } from '../../errors.ts';

export type RefusalCode = ErrorCode | 'unreachable';

interface ProblemDocument {
  readonly code?: string;
  readonly title?: string;
  readonly detail?: string;
  readonly errors?: readonly Fault[];
}

export class ServerRefusal extends Error {
  /** 0 if no answer came. */
  readonly status: number;
  readonly code: RefusalCode;
  readonly title: string;
  /** Where in what was sent the faults are: `path` is a JSON pointer into the body. */
  readonly faults: readonly Fault[];
  /** All of the document: `used_by`, `retry_after_s`, … */
  readonly document: Readonly<Record<string, unknown>>;

  constructor(status: number, document: ProblemDocument & Record<string, unknown>) {
    super(document.detail ?? document.title ?? `The server answered ${status}`);
    this.name = 'ServerRefusal';
    this.status = status;
    this.code = (document.code ?? 'internal') as RefusalCode;
    this.title = document.title ?? 'That did not work';
    this.faults = document.errors ?? [];
    this.document = document;
  }
}

/** Whether somebody else has changed it meanwhile. */
export function isOvertaken(error: unknown): boolean {
  return error instanceof ServerRefusal && error.status === 412;
}

export function isGone(error: unknown): boolean {
  return error instanceof ServerRefusal && error.status === 404;
}

export async function refusalOf(answer: Response): Promise<ServerRefusal> {
  const document = await answer.json().catch(() => ({}));
  return new ServerRefusal(answer.status, document as Record<string, unknown>);
}

/** A problem document that came after an answer had begun. */
export function refusalIn(document: unknown): ServerRefusal {
  const { status } = document as { status?: number };
  return new ServerRefusal(status ?? 500, document as Record<string, unknown>);
}

export function unreachable(): ServerRefusal {
  const title = 'The server can not be reached';
  const detail = 'The server does not answer. It is asked again by itself.';
  return new ServerRefusal(0, { code: 'unreachable', title, detail });
}
