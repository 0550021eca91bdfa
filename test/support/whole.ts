/**
 * whole.ts – Whether tests that take a sample by default look at everything.
 *
 * Keeps true: `npm test` stays short, and each kind of thing is still in it once; what is left out
 * of it is more of the same kind. `npm run test:whole` and `npm run test:soak` leave nothing out.
 */
const { ROLLCALL_WHOLE, ROLLCALL_SOAK } = process.env;

export const isWhole = ROLLCALL_WHOLE === '1' || ROLLCALL_SOAK === '1';
