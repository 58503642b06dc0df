import { createServer } from 'node:http'
import { expect, onTestFinished, test } from 'vitest'
import { makeClient } from './client.ts'
import { makeInnocent } from './innocent.ts'

/** Starts a server that answers each prediction with what `answer` returns. */
async function startStub(answer: () => { status?: number; results?: object[] }) {
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      const { status = 200, results } = answer()
      response.writeHead(status).end(JSON.stringify({ results }))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const { port } = server.address() as { port: number }
  return { server, client: makeClient(`http://127.0.0.1:${port}`, 'key') }
}

const row = (good: number) => ({ label: good > 0.5 ? 'good' : 'bad', scores: { good, bad: 1 - good } })
const rows = (...scores: number[]) => ({ results: scores.map(row) })

test('an innocent client accepts the same answers, and none that differs', async () => {
  let answer: { status?: number; results?: object[] } = rows(0.7, 0.2)
  const { client } = await startStub(() => answer)
  const { check } = await makeInnocent(client)
  await check()
  answer = rows(0.70005, 0.2)
  await check()
  for (answer of [rows(0.702, 0.2), rows(0.2, 0.7), rows(0.7), { ...rows(0.7, 0.2), status: 503 }, {}])
    await expect(check(), JSON.stringify(answer)).rejects.toThrow()
})

test('an innocent client notices a wrong answer, and a server that is dead, during an attack', async () => {
  let answer = rows(0.7, 0.2)
  const { client, server } = await startStub(() => answer)
  const { watch } = await makeInnocent(client)
  const untilAsked = () => new Promise((resolve) => server.once('request', resolve))
  const stopFirst = watch()
  answer = rows(0.1, 0.2)
  await expect(stopFirst()).rejects.toThrow('expected')
  answer = rows(0.7, 0.2)
  const stopSecond = watch()
  await untilAsked()
  server.closeAllConnections()
  server.close()
  await expect(stopSecond()).rejects.toThrow(/hang up|ECONN/)
})
