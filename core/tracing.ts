import { type Attributes, type Span, SpanStatusCode, trace } from '@opentelemetry/api'

// Without a started SDK, which server/tracing/ loads on request, these spans are empty and cost next to nothing.

/** Returns the tracer of all spans. */
export const tracer = () => trace.getTracer('graft')

/** Runs work in a span, within the one that is active. The span has the error of work that throws. */
export function withSpan<T>(name: string, attributes: Attributes, work: (span: Span) => Promise<T>): Promise<T> {
  return tracer().startActiveSpan(name, { attributes }, async (span) => {
    try {
      return await work(span)
    } catch (error) {
      recordError(error, span)
      throw error
    } finally {
      span.end()
    }
  })
}

/**
 * Marks a span as failed, with the code of the error. Its message may contain paths or texts, so it is left out.
 * @param span defaults to the active one
 */
export function recordError(error: unknown, span: Span | undefined = trace.getActiveSpan()): void {
  const type = error instanceof Error ? ((error as NodeJS.ErrnoException).code ?? error.name) : 'unknown'
  span?.setAttribute('error.type', type)
  span?.setStatus({ code: SpanStatusCode.ERROR })
}
