import { join } from 'node:path'
import { packageRoot } from '../core/entry.ts'

/** The path of the base that is part of Graft's package. */
export const embeddedBase: string = join(packageRoot, 'base')
