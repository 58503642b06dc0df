import type { Logger } from '../../core/logger.ts'
import type { StopTracing } from './open-tracing.ts'

type Environment = Readonly<Record<string, string | undefined>>

/**
 * Starts to send traces if the standard variables of OpenTelemetry ask for it. Its code is only loaded then.
 * @throws GraftError `usage` for a value that is not supported
 */
export async function startTracing(
  logger: Logger,
  version: string,
  env: Environment = process.env,
): Promise<StopTracing | undefined> {
  if (!isRequested(env)) return undefined
  const { openTracing } = await import('./open-tracing.ts')
  return openTracing(logger, version, env)
}

/** An empty variable counts as one that is not set, as the specification says. */
function isRequested(env: Environment): boolean {
  if (env.OTEL_SDK_DISABLED?.toLowerCase() === 'true' || env.OTEL_TRACES_EXPORTER === 'none') return false
  return Boolean(env.OTEL_EXPORTER_OTLP_ENDPOINT || env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT || env.OTEL_TRACES_EXPORTER)
}
