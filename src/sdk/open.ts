// The whole node inside a program, as SQLite is: `open({ dataDir })`, then produce, consume, run apps, close.
import { resolve } from 'node:path'
import { runEmbeddedApp, startNode } from '#node'
import { type App, type RunningApp, type TopicClient, topicClient } from '#streams'

export type OpenOptions = {
  /** Where everything is kept. One process at a time. */
  readonly dataDir: string
  /** UI, REST and WebSocket: `'127.0.0.1:7070'`, port 0 for a free one. Default: `'off'`. */
  readonly http?: string
  /** Lines go to standard error. Default `'warn'`. */
  readonly logLevel?: 'debug' | 'info' | 'warn' | 'error' | 'silent'
}

export type Pspf = TopicClient & {
  /** null without HTTP. */
  readonly url: string | null
  /** Runs an app in this process. Resolves when it runs; a failure later rejects its `done`. */
  run(app: App): Promise<RunningApp>
  /** Stops the apps, then the node. Everything acknowledged is on disk before, too. */
  close(): Promise<void>
}

/**
 * @example
 * const pspf = await open({ dataDir: './data' })
 * await pspf.run(shop)
 * await pspf.produce(orders, [{ region: 'north', amount: 12.5 }])
 * for await (const { value } of pspf.consume('revenue')) console.log(value)
 * await pspf.close()
 */
export async function open({ dataDir, http = 'off', logLevel = 'warn' }: OpenOptions): Promise<Pspf> {
  const node = await startNode({
    apps: [],
    flags: { 'data-dir': dataDir, http, 'log-level': logLevel, 'log-format': 'auto' },
    environment: {},
    workingDirectory: process.cwd(),
    writeLog: (line) => void process.stderr.write(line),
    isTerminal: process.stderr.isTTY === true,
  })
  const running = new Set<RunningApp>()
  const stop = async () => {
    await Promise.all([...running].map((app) => app.stop()))
    await node.stop()
  }
  let closed: Promise<void> | null = null
  return {
    ...topicClient(node.broker),
    url: node.url,
    async run(app) {
      const started = await runEmbeddedApp(node, app, resolve(dataDir))
      running.add(started)
      return started
    },
    close() {
      closed ??= stop()
      return closed
    },
  }
}
