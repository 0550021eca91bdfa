/**
 * button.tsx – Buttons, and links that look like one.
 */
import type { ReactNode, Ref } from 'react';
import { Button as AriaButton } from 'react-aria-components/Button';
import { Link } from 'wouter';

interface ButtonLook {
  /** `grave`: it takes something away. */
  readonly kind?: 'plain' | 'primary' | 'ghost' | 'grave';
  readonly size?: 'normal' | 'small';
}

interface ButtonProps extends ButtonLook {
  readonly children: ReactNode;
  /** What it is called, if its content says nothing. */
  readonly label?: string;
  readonly onPress?: () => void;
  readonly type?: 'button' | 'submit';
  readonly isDisabled?: boolean;
  readonly ref?: Ref<HTMLButtonElement>;
}

function classOf({ kind = 'plain', size = 'normal' }: ButtonLook): string {
  const kinds = kind === 'plain' ? '' : ` is-${kind}`;
  return `button${kinds}${size === 'small' ? ' is-small' : ''}`;
}

export function Button({
  kind,
  size,
  children,
  label,
  onPress,
  type,
  isDisabled,
  ref,
}: ButtonProps) {
  return (
    <AriaButton
      className={classOf({ ...(kind ? { kind } : {}), ...(size ? { size } : {}) })}
      type={type ?? 'button'}
      isDisabled={isDisabled ?? false}
      {...(label === undefined ? {} : { 'aria-label': label })}
      {...(onPress ? { onPress } : {})}
      {...(ref ? { ref } : {})}
    >
      {children}
    </AriaButton>
  );
}

interface ButtonLinkProps extends ButtonLook {
  readonly children: ReactNode;
  readonly to: string;
}

export function ButtonLink({ children, to, ...look }: ButtonLinkProps) {
  return (
    <Link className={classOf(look)} href={to}>
      {children}
    </Link>
  );
}
