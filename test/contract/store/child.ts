// A process that opens a store, for tests with several processes. Its first argument is the task. It reports in lines.
import { insertDataset } from '../../../platform/store/datasets.ts'
import { openStore } from '../../../platform/store/open-store.ts'
import { digest } from './rows.ts'

const [task, databaseUrl, home] = process.argv.slice(2)
const report = (line: string) => process.stdout.write(`${line}\n`)

try {
  const store = await openStore({ databaseUrl, home })
  report('open')
  if (task === 'write') {
    // Writes until it is killed.
    for (let n = 0; ; n++) {
      const fields = { digest: digest('x'), bytes: 1, format: 'csv', rows: 1, labels: {}, duplicates: 0 } as const
      await insertDataset(store.db, { name: `row-${n}`, ...fields })
      report(`row-${n}`)
      if (n % 10 === 9) await store.flush()
    }
  }
  await store.close()
} catch (error) {
  report((error as { code?: string }).code ?? String(error))
}
