/** The SQLSTATE of a full disk, and what programs say of it. */
const DISK_FULL = '53100'
const DISK_FULL_MESSAGE = /no space left on device|disk quota exceeded/i

/** A server that could not be started. The message has the end of its log. */
export class StartFailed extends Error {
  /** Callers retry as if a distant server were down. */
  readonly code = 'ECONNREFUSED'

  constructor(message: string) {
    const isFull = DISK_FULL_MESSAGE.test(message)
    super(message, { cause: isFull ? Object.assign(new Error('the disk is full'), { code: DISK_FULL }) : undefined })
    this.name = 'StartFailed'
  }
}
