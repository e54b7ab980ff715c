// What `pspf serve` says when it is ready: where everything is. On stderr, so that the log on stdout stays a log.
import type { Paint } from './style.ts'

export type BannerFacts = {
  readonly version: string
  readonly readyMs: number
  /** null: no HTTP listener. */
  readonly url: string | null
  /** What the node says about itself: data directory, durability, apps, ... */
  readonly facts: readonly (readonly [label: string, value: string])[]
}

export function bannerText({ version, readyMs, url, facts }: BannerFacts, paint: Paint): string {
  const addresses: (readonly [string, string])[] =
    url === null
      ? []
      : [
          ['UI', paint.cyan(url)],
          ['API', paint.cyan(`${url}/swagger`)],
        ]
  const rows = [...addresses, ...facts, ['Stop', 'Ctrl-C'] as const]
  const width = Math.max(...rows.map(([label]) => label.length))
  const lines = rows.map(([label, value]) => `  ${paint.dim(label.padEnd(width))}  ${value}`)
  return `\n  ${paint.bold(`pspf ${version}`)}  ${paint.green(`ready in ${Math.round(readyMs)} ms`)}\n\n${lines.join('\n')}\n\n`
}
