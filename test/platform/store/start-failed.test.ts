import { expect, test } from 'vitest'
import { isLostConnection } from '../../../core/lost-connection.ts'
import { toPlain } from '../../../core/to-plain.ts'
import { StartFailed } from '../../../platform/store/embedded/start-failed.ts'

test('queries are retried while the server cannot start, and callers learn that the disk is full', () => {
  const full = new StartFailed('FATAL: could not write to file "pg_wal/xlogtemp.1": No space left on device')
  expect([full, new StartFailed('FATAL: out of luck')].map(isLostConnection)).toEqual([true, true])
  expect(toPlain(new Error('Failed query', { cause: full }))).toMatchObject({
    code: 'disk_full',
    subject: 'the database',
  })
})
