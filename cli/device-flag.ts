import { z } from 'zod'
import { deviceKinds } from '../platform/offline/devices.ts'

/** Where a command computes that does not train. */
export const deviceFlag = z
  .enum(deviceKinds)
  .default('cpu')
  .describe('where it computes: graft devices tells what is there')
