// Prints "N passed, N failed, N skipped" from vitest's JSON report; exits 1 when a test failed or none ran.
import { readFileSync } from 'node:fs'

const text = readFileSync(process.argv[2], 'utf8')
const report = text ? JSON.parse(text) : { testResults: [] }
const tests = report.testResults.flatMap((file) => file.assertionResults)
const count = (...statuses) => tests.filter((test) => statuses.includes(test.status)).length

const passed = count('passed')
// A file that could not be loaded has no tests to count; it counts as one failure.
const unloaded = report.testResults.filter((file) => file.status === 'failed' && file.assertionResults.length === 0)
const failed = count('failed') + unloaded.length
const skipped = count('pending', 'skipped', 'todo', 'disabled')

if (passed + failed === 0) console.error('no test ran')
if (passed + failed === 0 || failed > 0) process.exitCode = 1
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`)
