import { context, propagation, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { tracer } from '../../core/tracing.ts'

interface RequestOutcome {
  route: string
  method: string
  status: number
  requestId: string
  errorCode?: string
}

/** The span of a request, which continues the trace of a client that sends `traceparent`. */
export interface RequestSpan {
  /** Undefined if the request is not traced. */
  readonly traceId?: string
  /** Runs work within the span. */
  run<T>(work: () => Promise<T>): Promise<T>
  end(outcome: RequestOutcome): void
}

export function startRequestSpan({ headers }: Request): RequestSpan {
  const parent = propagation.extract(context.active(), headers, {
    get: (from, name) => from.get(name) ?? undefined,
    keys: (from) => [...from.keys()],
  })
  const span = tracer().startSpan('request', { kind: SpanKind.SERVER }, parent)
  return {
    traceId: span.isRecording() ? span.spanContext().traceId : undefined,
    run: (work) => context.with(trace.setSpan(parent, span), work),
    end({ route, method, status, requestId, errorCode }) {
      // The names are those of the semantic conventions for HTTP.
      span.updateName(`${method} ${route}`)
      span.setAttributes({
        'http.request.method': method,
        'http.route': route,
        'http.response.status_code': status,
        'graft.request.id': requestId,
        ...(errorCode !== undefined && { 'error.type': errorCode }),
      })
      if (status >= 500) span.setStatus({ code: SpanStatusCode.ERROR })
      span.end()
    },
  }
}
