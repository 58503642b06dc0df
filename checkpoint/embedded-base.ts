import { join } from 'node:path'
import { packageRoot } from '../core/entry.ts'

/** The folder of the base that comes with Graft. */
export const embeddedBase: string = join(packageRoot, 'base')
