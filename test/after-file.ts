const cleanups: (() => unknown)[] = []

/**
 * Registers a callback for the end of the test file that is running. A module outlives that file, because test files
 * share processes.
 */
export function afterFile(cleanup: () => unknown): void {
  cleanups.push(cleanup)
}

/** Runs what was registered with {@link afterFile}, in reverse order. */
export async function cleanUp(): Promise<void> {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
}
