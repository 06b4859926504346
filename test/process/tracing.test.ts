import t from 'tap'
import { asksForTraces } from '../../src/process/tracing.ts'

t.test(
  'traces are asked for by an exporter or the address of a collector, unless they are switched off',
  async (t) => {
    const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318' }
    for (const [asks, env] of [
      [true, endpoint],
      [true, { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://127.0.0.1:4318/v1/traces' }],
      [true, { OTEL_TRACES_EXPORTER: 'otlp' }],
      [true, { ...endpoint, OTEL_SDK_DISABLED: 'false' }],
      [false, {}],
      [false, { OTEL_SERVICE_NAME: 'ours', OTEL_RESOURCE_ATTRIBUTES: 'a=b' }],
      [false, { ...endpoint, OTEL_TRACES_EXPORTER: 'none' }],
      [false, { ...endpoint, OTEL_SDK_DISABLED: 'TRUE' }],
      [false, { OTEL_EXPORTER_OTLP_ENDPOINT: '' }],
    ] as const)
      t.equal(asksForTraces(env), asks, JSON.stringify(env))
  },
)
