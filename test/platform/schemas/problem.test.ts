import { expect, test } from 'vitest'
import { GraftError } from '../../../core/errors.ts'
import { toPublicProblem } from '../../../platform/schemas/problem.ts'

const logger = { error: () => {} }
const failure = (fields: object) => Object.assign(new Error('no'), fields)

test.each([
  [
    { code: 'EROFS', path: '/var/graft/work' },
    'file_inaccessible',
    'The storage of the server is on a read-only file system.',
  ],
  [
    { cause: failure({ code: 'EACCES', path: '/var/graft/work' }) },
    'file_inaccessible',
    'The storage of the server cannot be accessed by the user of Graft.',
  ],
  [
    { code: 'ENOSPC', path: '/var/graft/x' },
    'disk_full',
    'The storage of the server could not be written because the disk is full.',
  ],
])('the error %o of a file is reported to clients as %s, without its path', (fields, code, detail) => {
  expect(toPublicProblem(logger, failure(fields))).toMatchObject({ code, detail })
})

test('an error that names a path on purpose keeps it', () => {
  const error = new GraftError('file_missing', {
    subject: 'film/graft.json',
    problem: 'does not exist',
    fix: 'Check it.',
  })
  expect(toPublicProblem(logger, error).subject).toBe('film/graft.json')
})

const broken = { code: 'EPIPE', errno: -32, syscall: 'write' }
const refused = { code: 'ECONNREFUSED', errno: -111, syscall: 'connect' }

test.each([
  { cause: new Error('Connection terminated unexpectedly') },
  { cause: failure(broken) },
  { cause: failure({ ...broken, code: 'ECONNRESET', errno: -104, syscall: 'read' }) },
  refused,
  { cause: new AggregateError([failure(refused)]) },
])('a connection to the database that breaks is reported as such, and not as a bug: %o', (fields) => {
  expect(toPublicProblem(logger, failure(fields))).toMatchObject({ code: 'store_unavailable', status: 503 })
})

test('a file that cannot be read is not taken for a broken connection', () => {
  const error = failure({ code: 'EIO', errno: -5, syscall: 'read', path: '/var/graft/x' })
  expect(toPublicProblem(logger, error)).toMatchObject({ code: 'system_failed', status: 500 })
})
