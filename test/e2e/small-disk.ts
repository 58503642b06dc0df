import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { freshPath } from '../checkpoint/helpers.ts'

const run = (program: string, ...args: string[]) => execFileSync(program, args, { stdio: 'ignore' })

const disks: string[] = []

/** Mounts an empty disk of this size in memory. */
export function mountDisk(kilobytes: number): string {
  const folder = freshPath('disk')
  mkdirSync(folder, { recursive: true })
  run('mount', '-t', 'tmpfs', '-o', `size=${kilobytes}k`, 'tmpfs', folder)
  disks.push(folder)
  return folder
}

export function resizeDisk(folder: string, kilobytes: number): void {
  run('mount', '-o', `remount,size=${kilobytes}k`, folder)
}

export function unmountDisks(): void {
  for (const disk of disks.splice(0)) run('umount', disk)
}

/** The reason why disks cannot be mounted here, for the names of skipped tests. Empty if they can. */
export const whyNoDisks = (() => {
  try {
    mountDisk(16)
    unmountDisks()
    return ''
  } catch {
    return ' (skipped: this process may not mount a disk)'
  }
})()
