// Where segments begin is what frames say: neither other limits nor another clock at the next start change it. Frames of a
// version that did not say it are replayed by the limits.
import { describe, expect, test } from 'bun:test'
import { frameChecksum, frameField, tableChecksum } from '../../src/log/wal/frame.ts'
import { readEntries, readFrame, walBytes } from '../../src/log/wal/frame-reader.ts'
import { LogScenario } from '../sim/log-scenario.ts'

const quiet = { checkpointBytes: 1e9, checkpointMs: 1e9, walFileSizeBytes: 400_000, idleMarkMs: 1e9 }
const wal = '/data/wal/0000000001.wal'

function segmentsOf({ disk }: LogScenario): Record<string, number> {
  const paths = disk.files().filter((path) => path.startsWith('/data/topics/') && path.endsWith('.log'))
  return Object.fromEntries(paths.sort().map((path) => [path, disk.fileSize(path)]))
}

async function worked(seed: number, appends: number, limits = {}): Promise<LogScenario> {
  const scenario = new LogScenario(seed, { limits: { ...quiet, ...limits } })
  await scenario.open()
  await scenario.work(appends)
  await scenario.settle()
  return scenario
}

describe('rolls', () => {
  test('are replayed as they were, under whatever limits', async () => {
    let segments = 0
    for (let seed = 0; seed < 12; seed++) {
      // Limits of segments are others at each start.
      const scenario = await worked(seed, 60)
      const before = segmentsOf(scenario)
      segments += Object.keys(before).length
      // The power goes, and nothing of the segments has reached the disk.
      scenario.powerCut(0)
      await scenario.open()
      expect(segmentsOf(scenario)).toEqual(before)
      await scenario.check()
      // From the checkpoint, too: what was sealed is sealed.
      scenario.kill()
      await scenario.open()
      expect(segmentsOf(scenario)).toEqual(before)
    }
    expect(segments).toBeGreaterThan(60)
  })

  test('that frames do not tell of follow from the limits', async () => {
    let rolled = 0
    for (let seed = 0; seed < 40; seed++) {
      const limits = { segmentSizeBytesMax: 1500, segmentAgeMsMax: 200 }
      const scenario = await worked(seed, 16, limits)
      const before = segmentsOf(scenario)
      const asked = scenario.model.attempts.some(({ entries }) => entries.some(({ kind }) => kind === 'roll'))
      if (asked) continue
      rolled += Object.keys(before).length
      scenario.powerCut(0)
      forgetRolls(scenario)
      await scenario.open()
      expect(segmentsOf(scenario)).toEqual(before)
      await scenario.check()
    }
    expect(rolled).toBeGreaterThan(10)
  })
})

/** Writes the frames as an older version did: without rolls, and with a version that says so. */
function forgetRolls({ disk }: LogScenario): void {
  const salt = (JSON.parse(new TextDecoder().decode(disk.contents('/data/format.json'))) as { salt: number })
    .salt
  const old = disk.contents(wal)
  const made = new Uint8Array(old.length)
  const source = walBytes(old, 1, salt)
  const checkpoint = new TextDecoder().decode(disk.contents('/data/checkpoint')).split('\n')[1]!
  const { wal: begin } = JSON.parse(checkpoint) as { wal: { position: number } }
  // What the checkpoint has is not read again.
  made.set(old.subarray(0, begin.position))
  let to = begin.position
  let previous = 0
  for (let from = begin.position; ; ) {
    const header = readFrame(source, from)
    if (header === null) break
    const entries = readEntries(source, from, header)!.filter(({ kind }) => kind !== 'roll')
    const parts = entries.map(({ payloadAt, payloadSizeBytes }) =>
      old.subarray(payloadAt - 36, payloadAt + payloadSizeBytes),
    )
    const frame = new Uint8Array(Buffer.concat([old.subarray(from, from + 64), ...parts]))
    const view = new DataView(frame.buffer)
    view.setUint32(frameField.size, frame.length, true)
    view.setUint32(frameField.position, to, true)
    if (from > begin.position) view.setUint32(frameField.previousChecksum, previous, true)
    view.setUint32(frameField.entryCount, entries.length, true)
    view.setUint32(frameField.version, 1, true)
    const table = Buffer.concat(
      entries.map(({ kind, payloadSizeBytes }, index) =>
        parts[index]!.subarray(0, kind === 'batch' ? 36 : 36 + payloadSizeBytes),
      ),
    )
    view.setUint32(frameField.tableChecksum, tableChecksum(frame, table, salt), true)
    previous = frameChecksum(frame, salt)
    view.setUint32(frameField.checksum, previous, true)
    made.set(frame, to)
    to += frame.length
    from += header.sizeBytes
  }
  const file = disk.open(wal, 'write')
  file.truncate(0)
  file.write(made.subarray(0, to), 0)
  file.close()
}
