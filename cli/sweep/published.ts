import { join } from 'node:path'
import { packageRoot } from '../../core/entry.ts'

/** The grid of the published comparison on reviews of IMDB, which names no files. */
export const publishedGrid: string = join(packageRoot, 'published/imdb-t5-small.yaml')
