import type { Platform } from '../platform/platform.ts'
import type { HealthCheck } from '../platform/use-cases/health-checks.ts'
import { endpointRoutes } from './huggingface/endpoint.ts'
import type { Metrics } from './metrics/metrics.ts'
import { chatRoutes } from './openai/chat.ts'
import { fileRoutes } from './openai/files.ts'
import { jobRoutes } from './openai/jobs.ts'
import { modelRoutes } from './openai/models.ts'
import type { Pages } from './pages/pages.ts'
import type { Route } from './route.ts'
import { adapterRoutes } from './routes/adapters.ts'
import { aliasRoutes } from './routes/aliases.ts'
import { baseRoutes } from './routes/bases.ts'
import { comparisonRoutes } from './routes/comparisons.ts'
import { datasetRoutes } from './routes/datasets.ts'
import { documentRoutes } from './routes/documents.ts'
import { evaluationRoutes } from './routes/evaluations.ts'
import { keyRoutes } from './routes/keys.ts'
import { parameterRoutes } from './routes/parameters.ts'
import { predictionRoutes } from './routes/predictions.ts'
import { serverRoutes } from './routes/server.ts'
import { type EventStreamTiming, trainingEventRoutes } from './routes/training-events.ts'
import { trainingRoutes } from './routes/trainings.ts'
import { webhookRoutes } from './routes/webhooks.ts'
import { predictRoutes } from './tei/predict.ts'

interface RoutesOptions extends EventStreamTiming {
  version: string
  pages?: Pages
  metrics: Metrics
  healthChecks?: readonly HealthCheck[]
  includeRoute?: (route: Route) => boolean
}

/** Returns every route, in the order of the OpenAPI document. To add one, see docs/extending.md. */
export function routesOf(platform: Platform, options: RoutesOptions): Route[] {
  const routes: Route[] = [
    ...predictionRoutes(platform),
    ...predictRoutes(platform),
    ...endpointRoutes(platform),
    ...adapterRoutes(platform),
    ...aliasRoutes(platform),
    ...trainingRoutes(platform),
    ...trainingEventRoutes(platform, options),
    ...evaluationRoutes(platform),
    ...comparisonRoutes(platform),
    ...datasetRoutes(platform),
    ...baseRoutes(platform),
    ...parameterRoutes(platform),
    ...keyRoutes(platform),
    ...webhookRoutes(platform),
    ...fileRoutes(platform),
    ...jobRoutes(platform),
    ...modelRoutes(platform),
    ...chatRoutes(platform),
    ...serverRoutes(platform, options),
    ...documentRoutes(() => routes, options.version, options.pages),
  ].filter(options.includeRoute ?? (() => true))
  return routes
}
