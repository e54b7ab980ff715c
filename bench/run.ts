// bun run bench [-- flags]      the whole product beside Redis Streams: see product.ts
// bun run bench log [-- flags]  the log beside its peers and the raw disk: see log/run.ts
// bun run bench nexmark         the queries of NEXMark, exactly once, beside peers: see nexmark/run.ts
// bun run bench latency         from an event to its result: see latency/run.ts
// bun run bench state [-- flags]    state stores beside each other: see state.ts
const [name] = process.argv.slice(2)

if (name === undefined || name.startsWith('--')) await import('./product.ts')
else if (name === 'log') await import('./log/run.ts')
else if (name === 'nexmark') await import('./nexmark/run.ts')
else if (name === 'latency') await import('./latency/run.ts')
else if (name === 'state') await import('./state.ts')
else {
  console.error(
    `there is no bench "${name}": bun run bench, or with log, nexmark, latency or state behind it`,
  )
  process.exit(2)
}

export {}
