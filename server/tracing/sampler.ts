import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  ParentBasedSampler,
  type Sampler,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace'
import { fail } from '../../core/errors.ts'

const makers: Readonly<Record<string, (ratio: number) => Sampler>> = {
  always_on: () => new AlwaysOnSampler(),
  always_off: () => new AlwaysOffSampler(),
  traceidratio: (ratio) => new TraceIdRatioBasedSampler(ratio),
  parentbased_always_on: () => new ParentBasedSampler({ root: new AlwaysOnSampler() }),
  parentbased_always_off: () => new ParentBasedSampler({ root: new AlwaysOffSampler() }),
  parentbased_traceidratio: (ratio) => new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(ratio) }),
}

/** Returns the sampler that the environment names. Defaults to all traces, unless the client decided otherwise. */
export function samplerOf(env: Readonly<Record<string, string | undefined>>): Sampler {
  const name = env.OTEL_TRACES_SAMPLER || 'parentbased_always_on'
  const ratio = Number(env.OTEL_TRACES_SAMPLER_ARG || 1)
  const fix = 'Change the variable, or leave it out for the default.'
  if (!Object.hasOwn(makers, name))
    fail('usage', {
      subject: 'OTEL_TRACES_SAMPLER',
      expected: `one of ${Object.keys(makers).join(', ')}`,
      found: name,
      fix,
    })
  if (!(ratio >= 0 && ratio <= 1))
    fail('usage', {
      subject: 'OTEL_TRACES_SAMPLER_ARG',
      expected: 'a number from 0 to 1',
      found: env.OTEL_TRACES_SAMPLER_ARG ?? '',
      fix,
    })
  return makers[name](ratio)
}
