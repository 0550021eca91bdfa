/**
 * copy-text.tsx – A text that is to be taken elsewhere, with a button that copies it.
 */
import { Check, Copy } from 'lucide-react';
import { useRef, useState } from 'react';
import { Button } from './button.tsx';

export function CopyText({ label, text }: { readonly label: string; readonly text: string }) {
  const field = useRef<HTMLInputElement>(null);
  const [isCopied, setIsCopied] = useState(false);
  const copy = async () => {
    // Only pages of a secure context have a clipboard; on another it is selected, for Ctrl C.
    field.current?.select();
    await navigator.clipboard?.writeText(text).then(
      () => setIsCopied(true),
      () => {},
    );
  };
  return (
    <div className="copy-text">
      <input ref={field} className="field code" aria-label={label} readOnly value={text} />
      <Button onPress={() => void copy()}>
        {isCopied ? (
          <Check className="icon" aria-hidden="true" />
        ) : (
          <Copy className="icon" aria-hidden="true" />
        )}
        {isCopied ? 'Copied' : 'Copy'}
      </Button>
    </div>
  );
}
