// Many viewers in a process of their own: each opens a WebSocket and subscribes to the same channels. Counts deliveries and
// their delay from the time written into the newest record of each. Prints one JSON line.
import { Histogram, type Latency } from './histogram.ts'

export type ViewerPlan = { url: string; viewers: number; channels: string[]; seconds: number }
export type ViewerResult = {
  connected: number
  deliveriesPerSecond: number
  megabytesPerSecond: number
  delay: Latency
}

const opening = 200
/** Reading every delay would measure this process: one delivery in so many is parsed. */
const sampleEvery = 50

async function run({ url, viewers, channels, seconds }: ViewerPlan): Promise<ViewerResult> {
  const delay = new Histogram()
  let deliveries = 0
  let bytes = 0
  let counting = false
  const receive = (text: string) => {
    if (!counting) return
    deliveries++
    bytes += text.length
    if (deliveries % sampleEvery !== 0 || !text.startsWith('{"op":"delta"')) return
    const at = text.lastIndexOf('"sentAt":')
    if (at > 0) delay.add(performance.timeOrigin + performance.now() - Number.parseFloat(text.slice(at + 9)))
  }
  const connect = () =>
    new Promise<WebSocket | null>((resolve) => {
      const socket = new WebSocket(url)
      socket.onopen = () => {
        for (const ch of channels) socket.send(JSON.stringify({ op: 'sub', ch }))
        resolve(socket)
      }
      socket.onerror = () => resolve(null)
      socket.onmessage = ({ data }) => receive(data as string)
    })
  const sockets: WebSocket[] = []
  while (sockets.length < viewers) {
    const opened = await Promise.all(
      Array.from({ length: Math.min(opening, viewers - sockets.length) }, connect),
    )
    const alive = opened.filter((socket) => socket !== null)
    if (alive.length === 0) break
    sockets.push(...alive)
  }
  await Bun.sleep(2000)
  counting = true
  const began = performance.now()
  await Bun.sleep(seconds * 1000)
  counting = false
  const took = (performance.now() - began) / 1000
  const connected = sockets.filter(({ readyState }) => readyState === WebSocket.OPEN).length
  for (const socket of sockets) socket.close()
  return {
    connected,
    deliveriesPerSecond: deliveries / took,
    megabytesPerSecond: bytes / took / 1e6,
    delay: delay.summary(),
  }
}

if (import.meta.main) {
  console.log(JSON.stringify(await run(JSON.parse(process.argv[2]!) as ViewerPlan)))
  process.exit(0)
}
