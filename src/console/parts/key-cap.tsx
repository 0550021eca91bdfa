/**
 * key-cap.tsx – A key of the keyboard.
 */
export function KeyCap({ name }: { readonly name: string }) {
  return <kbd className="key">{name}</kbd>;
}
