/**
 * confirm-button.tsx – A button for what can't be undone: it asks once more, in its own place.
 *
 * Keeps true: the focus goes along: to the question, and back to the button if it is left.
 */
import { type ReactNode, useEffect, useRef, useState } from 'react';
import { Button } from './button.tsx';

interface ConfirmButtonProps {
  readonly children: ReactNode;
  /** What it is called, where others on the page read the same. */
  readonly label?: string;
  /** What the second button says: "Delete it for good". */
  readonly confirmation: string;
  readonly onConfirm: () => void;
  readonly isDisabled?: boolean;
  readonly size?: 'normal' | 'small';
}

export function ConfirmButton(props: ConfirmButtonProps) {
  const { children, label, confirmation, onConfirm, isDisabled = false, size = 'small' } = props;
  const [isAsking, setIsAsking] = useState(false);
  const wasAsking = useRef(false);
  const first = useRef<HTMLButtonElement>(null);
  const second = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (isAsking) second.current?.focus();
    else if (wasAsking.current) first.current?.focus();
    wasAsking.current = isAsking;
  }, [isAsking]);
  if (!isAsking)
    return (
      <Button
        ref={first}
        size={size}
        isDisabled={isDisabled}
        onPress={() => setIsAsking(true)}
        {...(label === undefined ? {} : { label })}
      >
        {children}
      </Button>
    );
  const confirm = () => {
    setIsAsking(false);
    onConfirm();
  };
  return (
    <span className="confirm">
      <Button ref={second} kind="grave" size={size} onPress={confirm}>
        {confirmation}
      </Button>
      <Button size={size} onPress={() => setIsAsking(false)}>
        Keep
      </Button>
    </span>
  );
}
