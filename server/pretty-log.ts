import { prettyFactory } from 'pino-pretty'

/** A line of the log, as pino writes it. */
interface Line {
  method?: string
  route?: string
  status?: number | string
  duration_ms?: number
  error_code?: string
  rows?: number
  training_id?: string
  evaluation_id?: string
  comparison_id?: string
  step?: number
  total_steps?: number
  dropped_lines?: number
  ready?: boolean
  metrics_url?: string
  task?: string
  err?: { type?: string; message?: string; stack?: string }
}

/**
 * Makes a function that turns a line of the log into text for people.
 * @param colors whether the text may have colors. Defaults to false.
 */
export function makePrettyFormatter(colors = false): (line: string) => string {
  return prettyFactory({
    colorize: colors,
    translateTime: 'SYS:HH:MM:ss',
    ignore: 'pid,hostname',
    hideObject: true,
    messageFormat: (line) => describeLine(line as Line),
    customPrettifiers: { level: () => '' },
  })
}

function describeLine(line: Line): string {
  const { method, route, status, err, dropped_lines, task, ready, metrics_url } = line
  if (err) return [`error${task === undefined ? '' : ` in ${task}`}:`, err.stack ?? err.message].join(' ')
  if (dropped_lines !== undefined) return `${dropped_lines} lines of the log were dropped`
  if (ready) return `ready${metrics_url === undefined ? '' : `; metrics at ${metrics_url}`}`
  if (method !== undefined) return describeRequest({ ...line, method, route, status })
  return describeWork(line)
}

function describeRequest({ method, route, status, duration_ms, error_code, rows }: Line): string {
  const texts = rows === undefined ? '' : `, ${rows} ${rows === 1 ? 'text' : 'texts'}`
  const error = error_code === undefined ? '' : ` ${error_code}`
  return `${method} ${route === 'none' ? '(no route)' : route} ${status}${error} in ${duration_ms} ms${texts}`
}

/** Describes the start or the end of work. */
function describeWork({ step, total_steps, status, ...line }: Line): string {
  for (const kind of ['training', 'evaluation', 'comparison'] as const) {
    const id = line[`${kind}_id`]
    const progress = step === undefined ? '' : ` at step ${step} of ${total_steps}`
    if (id !== undefined) return `${kind} ${id}: ${status}${progress}`
  }
  return JSON.stringify(line)
}
