import { z } from 'zod'
import { type LogOutput, openLogOutput } from '../server/log.ts'
import { makePrettyFormatter } from '../server/pretty-log.ts'
import type { Progress } from './progress.ts'

const formats = ['json', 'pretty', 'silent'] as const
export type LogFormat = (typeof formats)[number]

/** The flag of commands that serve. */
export const logFlag = z
  .enum(formats)
  .optional()
  .describe(
    'Log on stderr: lines of JSON, text for people, or none. Defaults to pretty on a terminal, and to json elsewhere.',
  )

export const defaultLogFormat = (): LogFormat => (process.stderr.isTTY ? 'pretty' : 'json')

/**
 * Opens the output of a server's log on stderr.
 * @param progress writes text for people, so that it does not break the line that is drawn there
 */
export function openServerLog(format: LogFormat, progress: Progress): LogOutput {
  if (format === 'json') return openLogOutput()
  const toText = makePrettyFormatter(process.stderr.hasColors?.() ?? false)
  return {
    write(line) {
      if (format === 'pretty') progress.writeLine(toText(line).trimEnd())
    },
    close: async () => true,
  }
}
