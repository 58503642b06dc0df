import { catalogue } from './catalogue.ts'
import { formatError, type GraftError } from './errors.ts'
import { toPlain } from './to-plain.ts'

/** Prints an error to stderr and ends the process at once, for a process that must do no more work. */
export function stopProcess(error: GraftError): never {
  const plain = toPlain(error)
  process.stderr.write(formatError(plain))
  process.exit(catalogue[plain.code].exit)
}
