import { deviceKind } from '../platform/schemas/devices.ts'

/** The device of a command that does not train. */
export const deviceFlag = deviceKind
  .default('cpu')
  .describe('Device to compute on. List the devices with graft devices.')
