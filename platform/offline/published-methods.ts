import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parse } from 'yaml'
import { packageRoot } from '../../core/entry.ts'
import type { Model } from '../../model/architecture.ts'
import { type MethodConfig, parseMethod } from '../../model/methods/registry.ts'
import { countTrainable } from '../../model/parameter-count.ts'

/** The grid of the published comparison on reviews of IMDB, which names no files. */
export const publishedGrid: string = join(packageRoot, 'published/imdb-t5-small.yaml')

/** The count of a method of the published comparison. */
export interface PublishedCount {
  name: string
  trainable: number
  total: number
  percent: number
}

/** A row of the grid, whose other fields are those of a method. */
interface Row {
  name: string
  published: number
  published_source: string
  method: string
}

/** Counts the parameters that each method of the published comparison trains on a model. */
export async function countPublished(model: Model): Promise<PublishedCount[]> {
  const { rows } = parse(await readFile(publishedGrid, 'utf8')) as { rows: Row[] }
  return rows.map(({ name, published: _, published_source: __, ...method }) => {
    const { trainable, total, percent } = countTrainable(parseMethod(method satisfies MethodConfig), model)
    return { name, trainable, total, percent }
  })
}
