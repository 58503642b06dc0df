// node tools/summarize-tests.mjs REPORT [REPORT...]: prints "N passed, N failed, N skipped" from JSON reports of
// vitest, after the name and the message of each failure. The first report covers the whole run. The others repeat
// parts of it, so only their failures count. Exits with 1 if a test failed or a run had no tests.
import { existsSync, readFileSync } from 'node:fs'
import { relative } from 'node:path'

const MESSAGE_LINES = 15

const [all, ...repeated] = process.argv.slice(2).map(readReport)
const failures = [all, ...repeated].flatMap((run) => run.failures)
if (failures.length > 0) process.exitCode = 1
for (const failure of failures) console.log(`FAILED ${failure}\n`)
console.log(`${all.passed} passed, ${failures.length} failed, ${all.skipped} skipped`)

function readReport(path) {
  const text = existsSync(path) ? readFileSync(path, 'utf8') : ''
  const { testResults: files } = text ? JSON.parse(text) : { testResults: [] }
  const tests = files.flatMap((file) => file.assertionResults)
  const count = (...statuses) => tests.filter((test) => statuses.includes(test.status)).length
  const failures = files.flatMap(failuresOf)
  const passed = count('passed')
  return {
    passed,
    failures: passed + failures.length === 0 ? [`${path}: no test ran`] : failures,
    skipped: count('pending', 'skipped', 'todo', 'disabled'),
  }
}

function failuresOf({ name, status, message, assertionResults }) {
  const file = relative(process.cwd(), name)
  const describe = (title, messages) =>
    `${file}${title}\n${messages.join('\n').split('\n').slice(0, MESSAGE_LINES).join('\n')}`
  const failed = assertionResults
    .filter((test) => test.status === 'failed')
    .map(({ fullName, failureMessages }) => describe(` > ${fullName}`, failureMessages))
  // A file that cannot be loaded, or whose hook failed, may have no failed test. It counts as one failure.
  return failed.length === 0 && status === 'failed' ? [describe('', [message ?? ''])] : failed
}
