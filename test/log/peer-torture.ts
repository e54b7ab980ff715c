#!/usr/bin/env bun
// Does to other logs what `kill-torture.ts` and `power-torture.ts` do to this one, and counts the acknowledged records that
// are not there afterwards.
//   bun test/log/peer-torture.ts --subject redis|redis-weak|nats|nats-weak --fault kill|power [--rounds 20] [--rounds-per-log 10]
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type Random, seededRandom } from '#base'
import { LoopDisk } from './loop-disk.ts'
import { missingPeer, type Peer, type PeerClient, peers } from './peer.ts'

const inFlight = 128
const readyWithinMs = 20_000

/** Where a peer keeps its data, and how the ground is taken from under it. */
type Ground = {
  readonly directory: string
  during<T>(act: () => Promise<T>): Promise<T>
  fault(server: Bun.Subprocess): void
  remove(): void
}

type Result = {
  rounds: number
  acknowledged: number
  lost: number
  /** Of these, those that were acknowledged before the fault began; the others were acknowledged amid it. */
  lostOfBefore: number
  roundsWithLoss: number
  unstartable: number
}

async function powerGround(random: Random): Promise<Ground> {
  const disk = await LoopDisk.make()
  return {
    directory: join(disk.mountPoint, 'data'),
    during: (act) => disk.mounted(act),
    fault(server) {
      disk.shutDown(random.below(3) === 0 ? 1 : 2)
      server.kill('SIGKILL')
    },
    remove: () => disk.remove(),
  }
}

async function killGround(): Promise<Ground> {
  const scratch = mkdtempSync(join(tmpdir(), 'pspf-peer-'))
  return {
    directory: join(scratch, 'data'),
    during: (act) => act(),
    fault: (server) => server.kill('SIGKILL'),
    remove: () => rmSync(scratch, { recursive: true }),
  }
}

/** Fresh for each server: sockets of one that was killed may linger. */
function freePort(): number {
  const listener = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data: () => undefined } })
  const { port } = listener
  listener.stop(true)
  return port
}

/** Starts the peer on what is there, acts, and sees that it is gone afterwards. null: it did not start. */
async function running<T>(
  peer: Peer,
  directory: string,
  act: (client: PeerClient, server: Bun.Subprocess) => Promise<T>,
): Promise<T | null> {
  mkdirSync(directory, { recursive: true })
  const port = freePort()
  const said = join(tmpdir(), `pspf-peer-${process.pid}.log`)
  writeFileSync(said, '')
  const server = Bun.spawn(peer.command(directory, port), { stdout: Bun.file(said), stderr: Bun.file(said) })
  try {
    const client = await untilReady(peer, port, server)
    if (client === null) {
      console.log(
        `it does not start: ${readFileSync(said, 'utf8').trim().split('\n').slice(-4).join('\n  ')}`,
      )
      return null
    }
    const result = await act(client, server)
    client.close()
    return result
  } finally {
    server.kill('SIGKILL')
    await server.exited
    rmSync(said)
  }
}

async function untilReady(peer: Peer, port: number, server: Bun.Subprocess): Promise<PeerClient | null> {
  const deadline = performance.now() + readyWithinMs
  while (performance.now() < deadline && server.exitCode === null) {
    const client = await peer.connect(port).catch(() => null)
    if (client !== null) return client
    await Bun.sleep(10)
  }
  return null
}

/** By name: whether it was acknowledged before the fault began. */
type Acknowledged = Map<string, boolean>
type Load = { readonly round: number; readonly after: number; readonly acknowledged: Acknowledged }

/** Appends until so many are acknowledged, then lets the fault happen; whatever is acknowledged still counts. */
async function appendUntilFault(
  client: PeerClient,
  { round, after, acknowledged }: Load,
  fault: () => Promise<void>,
): Promise<void> {
  let count = 0
  let answered = 0
  let isOver = false
  await new Promise<void>((resolve, reject) => {
    const lane = async () => {
      while (!isOver) {
        const value = `${round}-${count++}:${'x'.repeat(count % 50 === 0 ? 20_000 : count % 700)}`
        await client.append(value)
        acknowledged.set(nameOf(value), !isOver)
        if (++answered < after || isOver) continue
        isOver = true
        fault().then(resolve, reject)
      }
    }
    // What was in flight is unknown, and stays so.
    for (let index = 0; index < inFlight; index++)
      lane().catch((thrown) => (isOver ? undefined : reject(thrown)))
  })
}

const nameOf = (value: string) => value.slice(0, value.indexOf(':'))

/** One log through so many faults. */
async function tortureOne(
  peer: Peer,
  ground: Ground,
  options: { rounds: number; random: Random; result: Result },
) {
  const { rounds, random, result } = options
  const acknowledged: Acknowledged = new Map()
  for (let round = 0; round <= rounds; round++) {
    const outcome = await ground.during(() =>
      running(peer, ground.directory, async (client, server) => {
        if (countLost(acknowledged, await client.values(), result) > 0) result.roundsWithLoss++
        if (round === rounds) return 'done'
        const before = acknowledged.size
        const load = { round, after: 1 + random.below(6000), acknowledged }
        await appendUntilFault(client, load, async () => {
          ground.fault(server)
          await server.exited
        })
        result.acknowledged += acknowledged.size - before
        result.rounds++
        return 'done'
      }),
    )
    if (outcome !== null) continue
    result.unstartable++
    countLost(acknowledged, [], result)
    return
  }
}

/** How many acknowledged records are not there; each is counted once. */
function countLost(acknowledged: Acknowledged, values: readonly string[], result: Result): number {
  const found = new Set(values.map(nameOf))
  const lost = [...acknowledged].filter(([name]) => !found.has(name))
  for (const [name] of lost) acknowledged.delete(name)
  result.lost += lost.length
  result.lostOfBefore += lost.filter(([, isBefore]) => isBefore).length
  return lost.length
}

const { values: flags } = parseArgs({
  options: {
    subject: { type: 'string', default: 'redis' },
    fault: { type: 'string', default: 'kill' },
    rounds: { type: 'string', default: '20' },
    'rounds-per-log': { type: 'string', default: '10' },
    seed: { type: 'string', default: '1' },
  },
})
const peer = peers[flags.subject]
if (peer === undefined) throw new Error(`--subject is one of ${Object.keys(peers).join(', ')}`)
const missing = missingPeer(peer)
if (missing !== null) throw new Error(missing)
const result: Result = {
  rounds: 0,
  acknowledged: 0,
  lost: 0,
  lostOfBefore: 0,
  roundsWithLoss: 0,
  unstartable: 0,
}
for (let seed = Number(flags.seed); result.rounds < Number(flags.rounds); seed++) {
  const random = seededRandom(seed)
  const ground = flags.fault === 'power' ? await powerGround(random) : await killGround()
  const rounds = Math.min(Number(flags['rounds-per-log']), Number(flags.rounds) - result.rounds)
  await tortureOne(peer, ground, { rounds, random, result })
  ground.remove()
  console.log(`seed ${seed}: so far ${JSON.stringify(result)}`)
}
console.log(`${peer.settings}; ${flags.fault}: ${JSON.stringify(result)}`)
process.exit(0)
