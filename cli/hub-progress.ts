import { z } from 'zod'
import type { HubListener } from '../platform/hub/fetch-snapshot.ts'
import { baseFolder } from '../platform/offline/bases.ts'
import type { Progress } from './progress.ts'

/** The flag of every command that reads a base. */
export const baseFlag = z
  .string()
  .optional()
  .describe(
    'Folder of the base, or its name on the Hugging Face hub, such as google-t5/t5-small. Defaults to the embedded base.',
  )

/** Makes a listener that shows downloads and uploads as progress. */
export function hubListener(progress: Progress): HubListener {
  let last = Number.NEGATIVE_INFINITY
  return {
    onBytes(repo, done, total) {
      // A few small files take no time.
      if (toMegabytes(total) === 0 || (done < total && performance.now() - last < REDRAW_INTERVAL_MS)) return
      last = performance.now()
      progress.update({ done: toMegabytes(done), total: toMegabytes(total), details: [`MB of ${repo}`] })
    },
    onNotice: (sentence) => progress.writeLine(sentence),
  }
}

const REDRAW_INTERVAL_MS = 100

const toMegabytes = (bytes: number): number => Math.round(bytes / 1e5) / 10

/** Returns the folder of the base that {@link baseFlag} names, after downloading it if it is on the hub. */
export async function fetchBase(base: string | undefined, progress: Progress): Promise<string> {
  try {
    return await baseFolder(base, hubListener(progress))
  } finally {
    progress.finish()
  }
}
