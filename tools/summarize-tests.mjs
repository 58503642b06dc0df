// node tools/summarize-tests.mjs REPORT [REPORT...]: prints "N passed, N failed, N skipped" from JSON reports of
// vitest. The first report covers the whole run. The others repeat parts of it, so only their failures count. Exits
// with 1 if a test failed or a run had no tests.
import { existsSync, readFileSync } from 'node:fs'

const [all, ...repeated] = process.argv.slice(2).map(countOf)
const failed = [all, ...repeated].reduce((sum, run) => sum + run.failed, 0)
if (failed > 0) process.exitCode = 1
console.log(`${all.passed} passed, ${failed} failed, ${all.skipped} skipped`)

function countOf(path) {
  const text = existsSync(path) ? readFileSync(path, 'utf8') : ''
  const { testResults: files } = text ? JSON.parse(text) : { testResults: [] }
  const tests = files.flatMap((file) => file.assertionResults)
  const count = (...statuses) => tests.filter((test) => statuses.includes(test.status)).length
  // A file that cannot be loaded has no tests. It counts as one failure, and so does a run that has none.
  const unloaded = files.filter((file) => file.status === 'failed' && file.assertionResults.length === 0).length
  const passed = count('passed')
  const failures = count('failed') + unloaded
  if (passed + failures === 0) console.error(`${path}: no test ran`)
  return {
    passed,
    failed: passed + failures === 0 ? 1 : failures,
    skipped: count('pending', 'skipped', 'todo', 'disabled'),
  }
}
