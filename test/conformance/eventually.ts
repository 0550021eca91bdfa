/** eventually.ts – Waits until something holds. */

/** Until it does not throw any more, for two seconds. */
export async function eventually(holds: () => void): Promise<void> {
  for (let left = 200; ; left--) {
    try {
      return holds();
    } catch (error) {
      if (left === 0) throw error;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}
