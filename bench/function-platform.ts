import { cpSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { LaidOut } from './laid-out.ts'

/** The answer of a function to an HTTP event. */
export interface Answered {
  statusCode: number
  headers: Record<string, string>
  body: string
  isBase64Encoded: boolean
}

export interface Instance {
  readonly pid: number
  /** What it wrote on stderr so far. */
  readonly log: string
  /** @throws what the handler threw, or the module when it was loaded */
  invoke(event: object): Promise<Answered>
  /** Nothing of it runs until `thaw`, as between requests on a real platform. */
  freeze(): void
  thaw(): void
  end(): Promise<void>
}

interface Invocation {
  event: object
  resolve(answer: Answered): void
  reject(error: Error): void
}

/** Starts an instance of the function `dist/server/lambda.handler` with the Lambda Runtime API before it. */
export async function startInstance(place: LaidOut, env: Readonly<Record<string, string>>): Promise<Instance> {
  const waiting: Invocation[] = []
  let asking: ServerResponse | undefined
  let current: Invocation | undefined
  let broken: Error | undefined

  const hand = () => {
    if (!asking || waiting.length === 0) return
    current = waiting.shift() as Invocation
    asking.setHeader('lambda-runtime-aws-request-id', '1')
    asking.end(JSON.stringify(current.event))
    asking = undefined
  }
  const fail = (error: Error) => {
    broken = error
    for (const { reject } of [...(current ? [current] : []), ...waiting.splice(0)]) reject(error)
  }
  const server = createServer((request, response) => {
    const [kind] = request.url?.split('/').slice(-1) ?? []
    if (kind === 'next') {
      asking = response
      return hand()
    }
    void text(request).then((body) => {
      const said = JSON.parse(body)
      if (kind === 'response') current?.resolve(said)
      else if (request.url?.endsWith('init/error')) fail(new Error(said.errorMessage))
      else current?.reject(new Error(said.errorMessage))
      current = undefined
      response.writeHead(202).end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))

  const program = join(dirname(place.graft), 'function-instance.ts')
  cpSync(join(import.meta.dirname, 'function-instance.ts'), program)
  const child = place.node([program], {
    AWS_LAMBDA_RUNTIME_API: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    LAMBDA_TASK_ROOT: place.graft,
    _HANDLER: 'dist/server/lambda.handler',
    ...env,
  })
  let log = ''
  child.stderr?.on('data', (chunk) => {
    log += chunk
  })
  const ended = new Promise<void>((resolve) => {
    child.once('close', () => {
      fail(broken ?? new Error(`the instance ended: ${log}`))
      resolve()
    })
  })
  return {
    pid: child.pid as number,
    get log() {
      return log
    },
    invoke: (event) =>
      new Promise((resolve, reject) => {
        if (broken) return reject(broken)
        waiting.push({ event, resolve, reject })
        hand()
      }),
    freeze: () => child.kill('SIGSTOP'),
    thaw: () => child.kill('SIGCONT'),
    async end() {
      child.kill('SIGKILL')
      await ended
      server.closeAllConnections()
      server.close()
    },
  }
}

/** As a function URL or API Gateway (payload 2.0) sends a request. */
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
