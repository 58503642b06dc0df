import type { FC } from 'hono/jsx'
import type { Scope } from './session.ts'

export type Section = 'home' | 'trainings' | 'data' | 'adapters' | 'compare' | 'playground'

export interface PageProps {
  /** The parts of the path that the pattern leaves open. */
  params: Readonly<Record<string, string>>
  /** The path and the query. */
  address: string
}

export interface PageRoute {
  /** The path; `:name` stands for any part. */
  path: string
  /** The section of the navigation that it is part of, if any. */
  section?: Section
  title: string
  /** The scope that the page needs. */
  scope: Scope
  page: FC<PageProps>
}
