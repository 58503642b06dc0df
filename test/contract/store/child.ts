// A process that opens a store, for tests of several. Its first argument says what it does with it; it tells by lines.
import { createDataset } from '../../../platform/store/datasets.ts'
import { openStore } from '../../../platform/store/open-store.ts'
import { digest } from './rows.ts'

const [task, databaseUrl, home] = process.argv.slice(2)
const tell = (line: string) => process.stdout.write(`${line}\n`)

try {
  const store = await openStore({ databaseUrl, home })
  tell('open')
  if (task === 'write') {
    // Until it is killed.
    for (let n = 0; ; n++) {
      const fields = { digest: digest('x'), bytes: 1, format: 'csv', rows: 1, labels: {}, duplicates: 0 } as const
      await createDataset(store.db, { name: `row-${n}`, ...fields })
      tell(`row-${n}`)
      if (n % 10 === 9) await store.flush()
    }
  }
  await store.close()
} catch (error) {
  tell((error as { code?: string }).code ?? String(error))
}
