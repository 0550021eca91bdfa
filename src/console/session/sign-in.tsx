/**
 * sign-in.tsx – One field for a key.
 *
 * Keeps true: the key is sent once and kept nowhere; the field forgets it when it was sent.
 */
import { useQueryClient } from '@tanstack/react-query';
import { Eye, EyeOff } from 'lucide-react';
import { type FormEvent, useId, useState } from 'react';
import { Button } from '../parts/button.tsx';
import { Mark } from '../parts/mark.tsx';
import type { SignedInAs } from '../server/answers.ts';
import { ask } from '../server/ask.ts';
import { sessionQuery } from '../server/queries.ts';
import { ServerRefusal } from '../server/refusal.ts';
import { sessionHasEnded } from '../server/signals.ts';

const UNKNOWN_KEY =
  'That key is not known here. Keys are in ROLLCALL_KEYS, or in data/master-key on the server.';

interface SignInProps {
  /** Whether it lies over a page that is still there. */
  readonly isOver?: boolean;
}

export function SignIn({ isOver = false }: SignInProps) {
  const client = useQueryClient();
  const [fault, setFault] = useState<string>();
  const [isShown, setIsShown] = useState(false);
  const [isSending, setIsSending] = useState(false);
  const id = useId();
  const Heading = isOver ? 'h2' : 'h1';

  async function send(event: FormEvent<HTMLFormElement>): Promise<void> {
    event.preventDefault();
    const form = event.currentTarget;
    const key = String(new FormData(form).get('key') ?? '').trim();
    if (key === '') return setFault('Enter a key.');
    setIsSending(true);
    setFault(undefined);
    try {
      const asked = { method: 'POST', body: { key }, reads: true } as const;
      const session = await ask<SignedInAs>('/v1/session', asked);
      form.reset();
      sessionHasEnded.set(false);
      client.setQueryData(sessionQuery.queryKey, session);
      await client.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] !== 'session' });
    } catch (error) {
      setFault(wordsFor(error));
      form.querySelector('input')?.focus();
    } finally {
      setIsSending(false);
    }
  }

  return (
    <div className="sign-in">
      <div className="brand">
        <Mark />
        <span>Rollcall</span>
      </div>
      <Heading>{isOver ? 'Your session has ended. Sign in again' : 'Sign in'}</Heading>
      <form onSubmit={(event) => void send(event)} noValidate>
        <div>
          <label htmlFor={id}>Key</label>
          <div className="key-field">
            <input
              id={id}
              className="field"
              name="key"
              type={isShown ? 'text' : 'password'}
              autoComplete="current-password"
              autoCapitalize="off"
              spellCheck={false}
              aria-invalid={fault !== undefined}
              aria-describedby={fault === undefined ? `${id}-hint` : `${id}-fault ${id}-hint`}
              // biome-ignore lint/a11y/noAutofocus: it is the only thing to do here
              autoFocus
            />
            <Button
              label={isShown ? 'Hide the key' : 'Show the key'}
              onPress={() => setIsShown(!isShown)}
            >
              {isShown ? <EyeOff className="icon" /> : <Eye className="icon" />}
            </Button>
          </div>
        </div>
        {fault === undefined ? null : (
          <p className="fault" id={`${id}-fault`} role="alert">
            {fault}
          </p>
        )}
        <p className="hint" id={`${id}-hint`}>
          It is sent once, over this connection; the browser keeps only a session that scripts can’t
          read.
        </p>
        <Button kind="primary" type="submit" isDisabled={isSending}>
          Sign in
        </Button>
      </form>
    </div>
  );
}

function wordsFor(error: unknown): string {
  if (!(error instanceof ServerRefusal)) return 'That did not work. Try again.';
  if (error.status === 401) return UNKNOWN_KEY;
  return error.message;
}
