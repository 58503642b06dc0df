// A worker as a process of its own, for tests that kill it. It tells what it does in lines of JSON.
import { startWorker } from '../../../platform/worker/worker.ts'
import { openDesk } from './worker-context.ts'

const [databaseUrl, home, name] = process.argv.slice(2)
const tell = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`)
const desk = await openDesk({ databaseUrl, home }, (error) => tell({ failure: String(error) }))
const worker = await startWorker({ ...desk, name, tell })
tell({ ready: true })
process.once('SIGTERM', async () => {
  await worker.close()
  await desk.close()
})
