import { join } from 'node:path'

/** Returns the folder of PGlite's database in a home, present or not. */
export const pgliteFolder = (home: string): string => join(home, 'database')
