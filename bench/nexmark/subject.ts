// What is measured, whatever it is: it gets the same bytes, says how far it is, and shows what it made of them.

/** How far a subject is, and what it has spent: of all its processes. */
export type Progress = {
  /** Input events whose results are committed. */
  readonly position: number
  /** Records in the output, and what is not to be seen before it is committed is not counted. */
  readonly output: number
}

export type Running = {
  progress(): Promise<Progress>
  cpuSeconds(): number
  peakMegabytes(): number
  /** The output's rows, in the order in which they were written. */
  output(): Promise<unknown[]>
  /** Bytes that it keeps for the query beside input and output. */
  stateBytes(): Promise<number>
  stop(): Promise<void>
}

export type Subject = {
  readonly name: string
  /** What a committed result has survived. */
  readonly promise: string
  readonly queries: readonly string[]
  /** null: it is not on this machine, and why. */
  prepare(input: { readonly path: string; readonly events: number }): Promise<string | null>
  run(query: string): Promise<Running>
  /** Ends what all runs shared. */
  finish?(): Promise<void>
}

export type Measured = {
  readonly wallPerSecond: number
  readonly perCpuSecond: number
  readonly cpuSeconds: number
  readonly seconds: number
  readonly peakMegabytes: number
  readonly stateMegabytes: number
  readonly output: unknown[]
}

const pollMs = 20
/** An output that has not grown for that long is complete. */
const settledMs = 2_000
const runMsMax = 240_000

/** From where the warm-up ends to where everything is committed. */
export async function measureRun(
  running: Running,
  { events, warmUp }: { readonly events: number; readonly warmUp: number },
): Promise<Measured> {
  const deadline = performance.now() + runMsMax
  const look = async () => {
    if (performance.now() > deadline) throw new Error(`not done after ${runMsMax / 1000} s`)
    await Bun.sleep(pollMs)
    return { ...(await running.progress()), at: performance.now(), cpu: running.cpuSeconds() }
  }
  let from = await look()
  while (from.position < warmUp) from = await look()
  let last = from
  for (let now = from; now.position < events || now.at - last.at < settledMs; now = await look()) {
    if (now.position > last.position || now.output > last.output) last = now
  }
  const seconds = (last.at - from.at) / 1000
  const cpuSeconds = last.cpu - from.cpu
  const measured = events - from.position
  return {
    seconds,
    cpuSeconds,
    wallPerSecond: measured / seconds,
    perCpuSecond: measured / cpuSeconds,
    peakMegabytes: running.peakMegabytes(),
    stateMegabytes: (await running.stateBytes()) / 1e6,
    output: await running.output(),
  }
}
