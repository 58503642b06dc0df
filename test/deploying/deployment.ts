import { createDeployment } from '../../bench/deployment.ts'

/** The files of an image or a function. They stay until the run ends, because creating them takes seconds. */
export const deployment = createDeployment()
