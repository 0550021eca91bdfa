/**
 * focus.ts – Where the focus goes in a builder: to the control that a condition or group is about.
 */

/** Gives the focus to the node at a pointer. */
export function focusNode(at: string): void {
  const node = document.querySelector(`[data-path="${CSS.escape(at)}"]`);
  const invalid = node?.querySelector<HTMLElement>('input[aria-invalid], select[aria-invalid]');
  if (invalid) invalid.focus();
  else if (node) focusFirst(node, false);
}

/** The first control of a node that says something; its grip, if that is held. */
export function focusFirst(node: Element, isGripped: boolean): void {
  const grip = isGripped ? node.querySelector<HTMLElement>('.builder-grip') : null;
  const first = node.querySelector<HTMLElement>(':scope > .builder-line [data-first], textarea');
  (grip ?? first ?? node.querySelector<HTMLElement>('button:not(.builder-grip)'))?.focus();
}
