import type { Command } from './command.ts'

/** The loaders of the commands. A command is loaded only when it is called, without the dependencies of the others. */
export const loaders: Record<string, () => Promise<Command>> = {
  quickstart: async () => (await import('./commands/quickstart.ts')).quickstart,
  train: async () => (await import('./commands/train.ts')).train,
  pretrain: async () => (await import('./commands/pretrain.ts')).pretrain,
  evaluate: async () => (await import('./commands/evaluate.ts')).evaluate,
  compare: async () => (await import('./commands/compare.ts')).compare,
  sweep: async () => (await import('./commands/sweep.ts')).sweep,
  reproduce: async () => (await import('./commands/reproduce.ts')).reproduce,
  predict: async () => (await import('./commands/predict.ts')).predict,
  inspect: async () => (await import('./commands/inspect.ts')).inspect,
  export: async () => (await import('./commands/export.ts')).export,
  parameters: async () => (await import('./commands/parameters.ts')).parameters,
  serve: async () => (await import('./commands/serve.ts')).serve,
  adapters: async () => (await import('./commands/adapters.ts')).adapters,
  aliases: async () => (await import('./commands/aliases.ts')).aliases,
  trainings: async () => (await import('./commands/trainings.ts')).trainings,
  datasets: async () => (await import('./commands/datasets.ts')).datasets,
  mcp: async () => (await import('./commands/mcp.ts')).mcp,
  worker: async () => (await import('./commands/worker.ts')).worker,
  key: async () => (await import('./commands/key.ts')).key,
  webhooks: async () => (await import('./commands/webhooks.ts')).webhooks,
  devices: async () => (await import('./commands/devices.ts')).devices,
  probe: async () => (await import('./commands/probe.ts')).probe,
}

/** Loads every command, for a list of all. */
export async function loadAll(): Promise<Record<string, Command>> {
  return Object.fromEntries(
    await Promise.all(Object.entries(loaders).map(async ([name, load]) => [name, await load()] as const)),
  )
}
