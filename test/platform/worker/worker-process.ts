// A worker process for tests that kill it. It reports each event as a line of JSON.
import { startWorker } from '../../../platform/worker/worker.ts'
import { openWorkerContext } from './worker-context.ts'

const [databaseUrl, home, name] = process.argv.slice(2)
const printLine = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`)
const context = await openWorkerContext({ databaseUrl, home }, (error) => printLine({ failure: String(error) }))
const worker = await startWorker({ ...context, name, onEvent: printLine })
printLine({ ready: true })
process.once('SIGTERM', async () => {
  await worker.close()
  await context.close()
})
