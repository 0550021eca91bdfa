/**
 * letter-keys.ts – Whether single letters do something in a builder: who speaks to the browser, or
 * often hits a wrong key, can switch them off. Kept in this browser.
 */
const KEPT_AS = 'rollcall-letter-keys';
const OFF = 'off';

let areOff: boolean | undefined;

export function lettersAct(): boolean {
  if (areOff === undefined) {
    try {
      areOff = localStorage.getItem(KEPT_AS) === OFF;
    } catch {
      areOff = false;
    }
  }
  return !areOff;
}

export function setLettersAct(act: boolean): void {
  areOff = !act;
  try {
    if (act) localStorage.removeItem(KEPT_AS);
    else localStorage.setItem(KEPT_AS, OFF);
  } catch {
    // A browser that keeps nothing has them on the next time.
  }
}
