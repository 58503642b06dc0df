import { getSystemErrorMessage } from 'node:util'
import type { ErrorCode } from './catalogue.ts'

interface EnvironmentError {
  code: ErrorCode
  subject: string
  problem: string
  fix: string
}

/**
 * Describes an error whose cause is the machine or the installation, and not Graft. Others may wrap it: the store's
 * errors have the database's as their cause.
 * @returns undefined for any other error
 */
export function describeEnvironmentError(error: unknown): EnvironmentError | undefined {
  if (!(error instanceof Error)) return undefined
  return (
    describeDisk(error) ?? describeInstallation(error) ?? describeSystem(error) ?? describeEnvironmentError(error.cause)
  )
}

/** The SQLSTATE of a full disk. */
const POSTGRES_DISK_FULL = '53100'
const DISK_FULL_CODES: readonly unknown[] = ['ENOSPC', 'EDQUOT', POSTGRES_DISK_FULL]
const DENIED_CODES: readonly unknown[] = ['EACCES', 'EPERM', 'EROFS']

function describeDisk({ code, path }: NodeJS.ErrnoException): EnvironmentError | undefined {
  if (DISK_FULL_CODES.includes(code))
    return {
      code: 'disk_full',
      subject: code === POSTGRES_DISK_FULL ? 'the database' : (path ?? 'the file'),
      problem: 'could not be written because the disk is full',
      fix: 'Free some space and run the same command again. Everything saved so far is intact.',
    }
  if (DENIED_CODES.includes(code) && path !== undefined)
    return {
      code: 'file_inaccessible',
      subject: path,
      problem: code === 'EROFS' ? 'is on a read-only file system' : 'cannot be accessed by the user of Graft',
      fix: 'Check its owner and permissions, and how its file system is mounted.',
    }
  return undefined
}

/** Describes a package that is missing or cannot be loaded. */
function describeInstallation({ code, message }: NodeJS.ErrnoException): EnvironmentError | undefined {
  if (code === 'ERR_DLOPEN_FAILED')
    return {
      code: 'installation_broken',
      subject: 'a native library',
      problem: `cannot be loaded: ${message.split('\n')[0].replace(/\/\S*\//g, '')}`,
      fix: 'Install Graft again on this machine, with its own Node. ONNX Runtime needs glibc 2.28 or later on Linux.',
    }
  if (code !== 'ERR_MODULE_NOT_FOUND' && code !== 'MODULE_NOT_FOUND') return undefined
  const [, missing = 'a module'] = /Cannot find (?:package|module) '([^']+)'/.exec(message) ?? []
  return {
    code: 'installation_broken',
    subject: missing.split('/').slice(-2).join('/'),
    problem: 'is missing from the installation',
    fix: 'Install Graft again. In a clone, run npm ci.',
  }
}

const FIXES: Readonly<Record<string, string>> = {
  EMFILE: 'Allow more open files (ulimit -n).',
  ENFILE: 'Close other programs: the whole machine has too many open files.',
  ENOMEM: 'Free some memory, or use fewer threads.',
  EAGAIN: 'Allow more processes (ulimit -u), or use fewer threads.',
  EIO: 'Check the disk: the machine could not read or write it.',
}

/** Describes an operation that the operating system refused. */
function describeSystem(error: NodeJS.ErrnoException): EnvironmentError | undefined {
  const { code, errno, syscall, path } = error
  if (
    code === 'ERR_WORKER_INIT_FAILED' ||
    code === 'ERR_WORKER_OUT_OF_MEMORY' ||
    /^Array buffer allocation failed/.test(error.message)
  )
    return {
      code: 'system_failed',
      subject: 'the memory of the machine',
      problem: 'does not suffice',
      fix: 'Free some memory, or use fewer threads.',
    }
  if (typeof errno !== 'number' || errno >= 0 || code === undefined || syscall === undefined) return undefined
  return {
    code: 'system_failed',
    subject: path ?? 'the operating system',
    problem: `refused ${syscall.split(' ')[0]}: ${getSystemErrorMessage(errno) ?? code} (${code})`,
    fix: FIXES[code] ?? 'Check this file or address on the machine, then try again.',
  }
}
