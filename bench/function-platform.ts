import { cpSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { Deployment } from './deployment.ts'

/** A function's response to an HTTP event. */
export interface FunctionResponse {
  statusCode: number
  headers: Record<string, string>
  body: string
  isBase64Encoded: boolean
}

/** A process that runs the function. */
export interface FunctionInstance {
  readonly pid: number
  /** The text that the instance has written to stderr so far. */
  readonly log: string
  /** @throws an error of the handler, or of the module while it was loaded */
  invoke<Response = FunctionResponse>(event: object): Promise<Response>
  /** Stops the process until `thaw`, as a function platform does between requests. */
  freeze(): void
  thaw(): void
  end(): Promise<void>
}

interface Invocation {
  event: object
  resolve(response: unknown): void
  reject(error: Error): void
}

/**
 * Starts an instance of the function and serves the Lambda Runtime API to it.
 * @param handler `handler` answers predictions, `train` trains
 * @param timeoutSeconds how long an invocation may take. The instance knows it, and nothing ends it here.
 */
export async function startInstance(
  deployment: Deployment,
  env: Readonly<Record<string, string>>,
  { handler = 'handler', timeoutSeconds = 30 }: { handler?: 'handler' | 'train'; timeoutSeconds?: number } = {},
): Promise<FunctionInstance> {
  const pending: Invocation[] = []
  let poll: ServerResponse | undefined
  let current: Invocation | undefined
  let failure: Error | undefined

  const deliver = () => {
    if (!poll || pending.length === 0) return
    current = pending.shift() as Invocation
    poll.setHeader('lambda-runtime-aws-request-id', '1')
    poll.setHeader('lambda-runtime-deadline-ms', Date.now() + timeoutSeconds * 1000)
    poll.end(JSON.stringify(current.event))
    poll = undefined
  }
  const rejectAll = (error: Error) => {
    failure = error
    for (const { reject } of [...(current ? [current] : []), ...pending.splice(0)]) reject(error)
  }
  const server = createServer((request, response) => {
    const [kind] = request.url?.split('/').slice(-1) ?? []
    if (kind === 'next') {
      poll = response
      return deliver()
    }
    void text(request).then((body) => {
      const message = JSON.parse(body)
      if (kind === 'response') current?.resolve(message)
      else if (request.url?.endsWith('init/error')) rejectAll(new Error(message.errorMessage))
      else current?.reject(new Error(message.errorMessage))
      current = undefined
      response.writeHead(202).end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))

  const program = join(dirname(deployment.graft), 'function-instance.ts')
  cpSync(join(import.meta.dirname, 'function-instance.ts'), program)
  const child = deployment.startNode([program], {
    AWS_LAMBDA_RUNTIME_API: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    LAMBDA_TASK_ROOT: deployment.graft,
    _HANDLER: `dist/server/lambda.${handler}`,
    ...env,
  })
  let log = ''
  child.stderr?.on('data', (chunk) => {
    log += chunk
  })
  const closed = new Promise<void>((resolve) => {
    child.once('close', () => {
      rejectAll(failure ?? new Error(`the instance exited: ${log}`))
      resolve()
    })
  })
  return {
    pid: child.pid as number,
    get log() {
      return log
    },
    invoke: <Response>(event: object) =>
      new Promise<Response>((resolve, reject) => {
        if (failure) return reject(failure)
        pending.push({ event, resolve: (response) => resolve(response as Response), reject })
        deliver()
      }),
    freeze: () => child.kill('SIGSTOP'),
    thaw: () => child.kill('SIGCONT'),
    async end() {
      child.kill('SIGKILL')
      await closed
      server.closeAllConnections()
      server.close()
    },
  }
}

/** Returns the event of a request to a function URL or to API Gateway (payload format 2.0). */
export function httpEvent(
  method: string,
  path: string,
  { headers = {}, body, base64 = false }: { headers?: Record<string, string>; body?: string; base64?: boolean } = {},
): object {
  const [rawPath, rawQueryString = ''] = path.split('?')
  const domainName = 'abc.lambda-url.eu-central-1.on.aws'
  return {
    version: '2.0',
    routeKey: '$default',
    rawPath,
    rawQueryString,
    headers: { host: domainName, ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
    requestContext: { domainName, stage: '$default', http: { method, path: rawPath, sourceIp: '127.0.0.1' } },
    ...(body !== undefined && { body: base64 ? Buffer.from(body).toString('base64') : body }),
    isBase64Encoded: base64,
  }
}
