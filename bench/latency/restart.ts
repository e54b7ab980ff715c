// How long an app with many keys is away: from the start of the process to the result of the next event, after a clean
// stop and after a kill. The event is for a key that the state knows, so the result also says whether all is there.
import { Histogram } from '../histogram.ts'
import type { Server } from '../servers.ts'
import { Bids } from './bids.ts'
import { followOutput } from './output.ts'
import { Sender } from './sender.ts'

type Started = Server & { readonly readyMs: number }
const runs = 3
/** What is committed is in the store by then. */
const appliedMs = 3_000

export async function restart(
  start: (app: string) => Promise<Started>,
  { url, keys }: { readonly url: string; readonly keys: number },
): Promise<void> {
  let server = await start('count')
  const bids = new Bids()
  const filled = await followOutput(`${url}/topics/count-out`)
  const sender = new Sender(`${url}/topics/latency/records`, bids)
  await sender.asFastAsPossible(600, keys)
  await filled.until(sender.sent, 600_000)
  filled.stop()
  await Bun.sleep(appliedMs)
  for (const how of ['stop', 'kill'] as const) {
    const ready = new Histogram()
    const answered = new Histogram()
    for (let run = 0; run < runs; run++) {
      if (how === 'stop') await server.stop(true)
      else await server.kill()
      const began = performance.now()
      server = await start('count')
      ready.add(server.readyMs)
      const output = await followOutput(`${url}/topics/count-out`)
      await new Sender(`${url}/topics/latency/records`, new Bids()).asFastAsPossible(600, 1)
      await output.until(1, 60_000)
      answered.add(performance.now() - began)
      output.stop()
    }
    console.log(
      `after a ${how}, ${sender.sent} keys: ready ${ready.quantile(0.5).toFixed(0)} ms, next result ${answered.quantile(0.5).toFixed(0)} ms (most ${answered.max.toFixed(0)})`,
    )
  }
  await server.stop()
}
