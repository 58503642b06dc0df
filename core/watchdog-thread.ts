// The thread of the watchdog. It ends the process if the main thread sends no beat for too long.
import { write } from 'node:fs'
import { workerData } from 'node:worker_threads'

export interface WatchdogData {
  /** The number of beats of the main thread so far, in shared memory. */
  beats: Int32Array
  maxSilentSeconds: number
}

const TICK_MS = 1_000
/** The time to write the message. If its reader has stalled, the process ends without it. */
const MESSAGE_MS = 1_000
const STDERR = 2

const { beats, maxSilentSeconds } = workerData as WatchdogData
let lastBeats = 0
let silentTicks = 0

const timer = setInterval(() => {
  const current = Atomics.load(beats, 0)
  silentTicks = current === lastBeats ? silentTicks + 1 : 0
  lastBeats = current
  if (silentTicks * TICK_MS >= maxSilentSeconds * 1000) endProcess()
}, TICK_MS)

function endProcess(): void {
  clearInterval(timer)
  const kill = () => process.kill(process.pid, 'SIGKILL')
  setTimeout(kill, MESSAGE_MS)
  const message = `graft: The main thread has not responded for ${maxSilentSeconds} seconds, so this process ends.\n  Start it again. Everything that was acknowledged is stored. If the disk was full, free some space first.\n`
  // Not on the stream of the process: its writes pass through the main thread.
  write(STDERR, message, kill)
}
