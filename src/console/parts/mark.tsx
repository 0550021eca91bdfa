/**
 * mark.tsx – The sign of Rollcall.
 */
export function Mark() {
  return (
    <svg viewBox="0 0 22 22" width="22" height="22" aria-hidden="true">
      <rect width="22" height="22" rx="6" fill="var(--fill)" />
      <path d="M6 7h10M6 11h7M6 15h4" stroke="#fff" strokeWidth="2" strokeLinecap="round" />
      <path
        d="m12.8 14.6 1.9 1.9 3.3-3.7"
        fill="none"
        stroke="#8CF0BE"
        strokeWidth="2"
        strokeLinecap="round"
        strokeLinejoin="round"
      />
    </svg>
  );
}
