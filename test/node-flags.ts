/**
 * Flags of Node for programs that may open PGlite. They end soon, so its WebAssembly is compiled quickly and not
 * optimized afterwards, which halves the CPU time of a command.
 */
export const NODE_FLAGS: readonly string[] = ['--liftoff-only']
