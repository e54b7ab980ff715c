// bun run bench log: the log beside raw disk, SQLite, Redis Streams and NATS JetStream, in one run, with ratios.
//   bun run bench log                 as DESIGN.md asks: 7 runs of 60 s a figure (many hours: choose with the filters)
//   bun run bench log -- --quick      3 runs of 2 s over a coarser grid: a first look, no checkpoint falls into it
//   bun run bench log -- --part NAME  a piece of it in less than 12 minutes, as parts.ts has them:
//     budget        every goal once, 10 minutes: 1 KB × 256 × 1, 16, 64 partitions; 16 KB; 1 MB; 100 B × 100; tail; recovery
//     small         1 KB: 256 in flight over 1, 16, 64 partitions; 1 and 64 in flight
//     large         16 KB and 1 MB, 64 in flight
//     batches       100 B and 1 KB, a hundred records in one append, through HTTP too
//     tails         1 KB, 256 in flight: latency at half of each subject's own rate
//     disturbances  the tail by what the log did meanwhile
//     recovery      start after kill -9 with 0.1, 1 and 10 GB
//     read          sequential reading beside plain reads of the files
//   --runs N --seconds N --only produce,tails,disturbances,read,recovery
//   --bytes 1024,16384 --in-flight 256 --partitions 1,64 --records 1 --subjects log,raw,redis --gigabytes 0.1,1,10
// Peers come from bench/peers.sh. Subjects in process have both cores; servers have core 0, their load core 1.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { disturbances } from './disturbances.ts'
import { absentPeers, produce } from './produce.ts'
import { read } from './read.ts'
import { recovery } from './recovery.ts'
import { Report } from './report.ts'
import { option, plans, suffix } from './settings.ts'

const day = new Date().toISOString().slice(0, 10)
const results = join(import.meta.dir, '..', 'results')
const file = option('out') ?? join(results, `${day}-log${suffix}.md`)
const machine = `${cpus().length} × ${cpus()[0]?.model}`
const producing = plans.filter(({ only }) => only.includes('produce') || only.includes('tails'))
const lengths = new Set(producing.map(({ runs, seconds }) => `${runs} runs of ${seconds} s a figure, `))
const report = new Report(
  `# The log beside its peers, ${day}\n\n${[...lengths].join('')}interleaved A B B A; medians with minimum and maximum; ${machine}. Subjects in process have both cores; servers have core 0 and their load core 1. CPU is that of all processes, load included. Device bytes are all that the disk was given meanwhile, by anybody. Ratio: pspf's log divided by the subject.`,
  (text) => writeFileSync(file, text),
)

mkdirSync(results, { recursive: true })
for (const line of new Set(producing.flatMap(absentPeers))) report.note(line)
for (const settings of plans) {
  mkdirSync(settings.scratch, { recursive: true })
  try {
    if (settings.only.includes('produce') || settings.only.includes('tails')) await produce(settings, report)
    if (settings.only.includes('disturbances')) await disturbances(settings, report)
    if (settings.only.includes('read')) await read(settings, report)
    if (settings.only.includes('recovery')) await recovery(settings, report)
  } finally {
    rmSync(settings.scratch, { recursive: true, force: true })
  }
}
