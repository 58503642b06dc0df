import { spawn } from 'node:child_process'
import { afterFile } from './after-file.ts'
import { freshPath } from './checkpoint/helpers.ts'
import { watchProcess } from './cli/run.ts'
import { hasPeer } from './peers.ts'

/** The path of the browser that Debian installs. */
export const chromiumPath = '/usr/bin/chromium'

/** Ends the name of a test that needs a browser: empty if it is installed, or else why the test is skipped. */
export const withoutChromium: string = hasPeer(chromiumPath)
  ? ''
  : ` (skipped: no ${chromiumPath}; apt-get install chromium installs it)`

/** A page in headless Chromium. */
export interface Page {
  /** Evaluates an expression in the page, and waits for its promise. @throws if it throws */
  evaluate<T>(expression: string): Promise<T>
}

interface Reply {
  id?: number
  method?: string
  result?: unknown
  error?: { message: string }
}

/** Opens a page in Chromium, which can reach only this machine. Chromium ends with the test file. */
export async function openPage(url: string): Promise<Page> {
  const flags = [
    '--headless=new',
    '--no-sandbox',
    '--disable-gpu',
    '--disable-dev-shm-usage',
    '--remote-debugging-port=0',
    `--user-data-dir=${freshPath('profile')}`,
    '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
  ]
  const browser = watchProcess(spawn(chromiumPath, [...flags, 'about:blank'], { stdio: ['ignore', 'ignore', 'pipe'] }))
  const listening = /DevTools listening on (ws:\S+)/
  await browser.waitFor(listening)
  const socket = new WebSocket((listening.exec(browser.stderr) as RegExpExecArray)[1])
  await new Promise((resolve, reject) => {
    socket.onopen = resolve
    socket.onerror = reject
  })
  afterFile(async () => {
    socket.close()
    browser.kill('SIGKILL')
    await browser.exited
  })
  const pending = new Map<number, (reply: Reply) => void>()
  const listeners = new Set<(method: string) => void>()
  socket.onmessage = ({ data }) => {
    const reply = JSON.parse(String(data)) as Reply
    if (reply.id !== undefined) pending.get(reply.id)?.(reply)
    else for (const listener of listeners) listener(String(reply.method))
  }
  let nextId = 0
  async function send<T>(method: string, params: object, sessionId?: string): Promise<T> {
    const id = nextId++
    const replied = new Promise<Reply>((resolve) => pending.set(id, resolve))
    socket.send(JSON.stringify({ id, method, params, sessionId }))
    const { result, error } = await replied
    if (error) throw new Error(`${method}: ${error.message}`)
    return result as T
  }
  const { targetId } = await send<{ targetId: string }>('Target.createTarget', { url: 'about:blank' })
  const { sessionId } = await send<{ sessionId: string }>('Target.attachToTarget', { targetId, flatten: true })
  await send('Page.enable', {}, sessionId)
  const loaded = new Promise<void>((resolve) =>
    listeners.add((method) => method === 'Page.loadEventFired' && resolve()),
  )
  await send('Page.navigate', { url }, sessionId)
  await loaded
  return {
    async evaluate<T>(expression: string) {
      const { result, exceptionDetails } = await send<{
        result: { value: T }
        exceptionDetails?: { text: string; exception?: { description?: string } }
      }>('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true }, sessionId)
      if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text)
      return result.value
    },
  }
}
