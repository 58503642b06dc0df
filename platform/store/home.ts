import { resolve } from 'node:path'

/** The folder that holds what Graft keeps on this machine: GRAFT_HOME, or `.graft` in the current folder. */
export const graftHome = (): string => resolve(process.env.GRAFT_HOME || '.graft')
