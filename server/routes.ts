import type { Platform } from '../platform/platform.ts'
import type { Metrics } from './metrics.ts'
import { chat } from './openai/chat.ts'
import { files } from './openai/files.ts'
import { jobs } from './openai/jobs.ts'
import { models } from './openai/models.ts'
import type { Probe } from './readiness.ts'
import type { Route } from './route.ts'
import { adapters } from './routes/adapters.ts'
import { aliases } from './routes/aliases.ts'
import { bases } from './routes/bases.ts'
import { comparisons } from './routes/comparisons.ts'
import { datasets } from './routes/datasets.ts'
import { documents } from './routes/documents.ts'
import { evaluations } from './routes/evaluations.ts'
import { keys } from './routes/keys.ts'
import { parameters } from './routes/parameters.ts'
import { predictions } from './routes/predictions.ts'
import { server } from './routes/server.ts'
import { type StreamLimits, trainingEvents } from './routes/training-events.ts'
import { trainings } from './routes/trainings.ts'
import { predict } from './tei/predict.ts'

interface RoutesOptions extends StreamLimits {
  version: string
  metrics: Metrics
  probes?: readonly Probe[]
  only?: (route: Route) => boolean
}

/** Every route, in the order of the document. */
export function routesOf(platform: Platform, options: RoutesOptions): Route[] {
  const routes: Route[] = [
    ...predictions(platform),
    ...predict(platform),
    ...adapters(platform),
    ...aliases(platform),
    ...trainings(platform),
    ...trainingEvents(platform, options),
    ...evaluations(platform),
    ...comparisons(platform),
    ...datasets(platform),
    ...bases(platform),
    ...parameters(platform),
    ...keys(platform),
    ...files(platform),
    ...jobs(platform),
    ...models(platform),
    ...chat(platform),
    ...server(platform, options),
    ...documents(() => routes, options.version),
  ].filter(options.only ?? (() => true))
  return routes
}
