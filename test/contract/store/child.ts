// A process that opens a store, for tests with several processes. Its first argument is the task. It reports in lines.
import { once } from 'node:events'
import { insertDataset } from '../../../platform/store/datasets.ts'
import { openStore } from '../../../platform/store/open-store.ts'
import { openPglite } from '../../../platform/store/pglite/open-pglite.ts'
import { retryOnDisconnect } from '../../../platform/store/retry-connection.ts'
import { digest } from './rows.ts'
import type { StoreTask } from './start-store-process.ts'

const [task, databaseUrl, home] = process.argv.slice(2) as [StoreTask, string, string]
const report = (line: string) => process.stdout.write(`${line}\n`)

try {
  const store = task === 'write-pglite' ? await openPglite(home) : await openStore({ databaseUrl, home })
  report('open')
  if (task.startsWith('write')) {
    // Writes until it is killed.
    for (let n = 0; ; n++) {
      const name = `row-${process.pid}-${n}`
      const fields = { digest: digest('x'), bytes: 1, format: 'csv', rows: 1, labels: {}, duplicates: 0 } as const
      await retryOnDisconnect(() => insertDataset(store.db, { name, ...fields }))
      report(name)
      if (n % 10 === 9) await store.flush()
    }
  }
  if (task === 'hold') await once(process.stdin.resume(), 'end')
  await store.close()
  report('closed')
} catch (error) {
  report((error as { code?: string }).code ?? String(error))
}
process.stdin.destroy()
