// The protections of the log, each with the change that takes it away and the tests that must fail then.

export type Mutant = {
  readonly name: string
  readonly file: string
  /** Stands in the file exactly once. */
  readonly find: string
  readonly replace: string
  /** Paths of test files, the quickest first. */
  readonly tests: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
}

const lives = { tests: ['test/sim/log.test.ts'], environment: { SEEDS: '0-60' } }
const damage = { tests: ['test/sim/log-damage.test.ts'] }
const frames = { tests: ['test/log/frame.test.ts'] }
const chain = { tests: ['test/log/wal-reader.test.ts'] }
const tail = { tests: ['test/sim/log-tail.test.ts'] }
const refusal = { tests: ['test/sim/log-refusal.test.ts'] }
const producers = { tests: ['test/sim/producers.test.ts'] }
const past = { tests: ['test/sim/restore-until.test.ts'] }
const group = { tests: ['test/log/log-group.test.ts'] }

export const mutants: readonly Mutant[] = [
  // Syncs of data.
  {
    name: 'sync: a start deletes what a frame in the page cache says',
    file: 'src/log/recovery/recovery.ts',
    find: '  if (end.damage === null) await secure(context, unproven, end)\n',
    replace: '',
    tests: ['test/sim/trim.test.ts'],
  },
  {
    name: 'sync: the write-ahead log is not synced',
    file: 'src/log/wal/wal.ts',
    find: '    await file.sync()\n    if (!file.isLinked',
    replace: '    if (!file.isLinked',
    ...lives,
  },
  {
    name: 'sync: acknowledged before the sync returned',
    file: 'src/log/wal/wal.ts',
    find: '    await file.sync()\n    if (!file.isLinked',
    replace: '    file.sync().catch(() => undefined)\n    if (!file.isLinked',
    ...lives,
  },
  {
    name: 'sync: a failed sync is tried again',
    file: 'src/log/wal/wal.ts',
    find: '    await file.sync()\n    if (!file.isLinked',
    replace: '    await file.sync().catch(() => file.sync())\n    if (!file.isLinked',
    ...refusal,
  },
  {
    name: 'sync: segments are not synced before the checkpoint',
    file: 'src/log/segment/segment.ts',
    find: '      await this.#file.syncBehind()\n',
    replace: '',
    ...lives,
  },
  {
    name: 'sync: a segment with bytes that are not synced is closed for another',
    file: 'src/log/segment/segment.ts',
    find: 'if (this.#pins > 0 || this.writtenBytes !== this.syncedBytes) return false',
    replace: 'if (this.#pins > 0) return false',
    tests: ['test/sim/log-descriptors.test.ts'],
  },
  {
    name: 'sync: a failed sync of a segment is taken for a full disk',
    file: 'src/log/checkpoint/checkpointer.ts',
    find: '        this.halt()\n        this.#parts.fail(toError(thrown))\n',
    replace: '        toError(thrown)\n',
    ...refusal,
  },
  {
    name: 'sync: the checkpoint is renamed before it is synced',
    file: 'src/log/disk/data-directory.ts',
    find: '    await file.syncBehind()\n',
    replace: '',
    ...lives,
  },
  {
    name: 'sync: the thread answers without a sync',
    file: 'src/base/sync-task.ts',
    find: "if (task.kind === 'file') fdatasyncSync(task.descriptor)",
    replace: "if (task.kind === 'file') fdatasyncSync",
    tests: ['test/faults/log-calls.test.ts'],
  },
  {
    name: 'sync: the thread does not sync directories',
    file: 'src/base/sync-task.ts',
    find: '    fsyncSync(descriptor)\n',
    replace: '    if (descriptor < 0) fsyncSync(descriptor)\n',
    tests: ['test/faults/log-calls.test.ts'],
  },
  {
    name: 'sync: the failure of a sync is swallowed by its thread',
    file: 'src/base/sync-thread.ts',
    find: 'else waiter?.reject(systemError(failure))',
    replace: 'else waiter?.resolve(void systemError(failure))',
    tests: ['test/base/real-disk.test.ts'],
  },
  {
    name: 'sync: of a file that somebody deleted counts',
    file: 'src/log/wal/wal.ts',
    find: 'if (!file.isLinked())',
    replace: 'if (file.path === "")',
    ...tail,
  },
  // Syncs of directories: after create, rename, delete.
  {
    name: 'directory sync: after the checkpoint is renamed',
    file: 'src/log/disk/data-directory.ts',
    find: '  await disk.syncDirectory(directory)\n',
    replace: '',
    ...lives,
  },
  {
    name: 'directory sync: after a write-ahead file is made',
    file: 'src/log/wal/wal.ts',
    find: '    await disk.syncDirectory(walDirectory(directory))\n',
    replace: '',
    ...lives,
  },
  {
    name: 'directory sync: after a partition is made',
    file: 'src/log/checkpoint/checkpointer.ts',
    find: '    if (partitions.directoryChanged)\n      changed.push({ path: topicsDirectory(context.directory), of: partitions })\n',
    replace:
      '    if (context.directory === topicsDirectory(context.directory)) changed.push({ path: context.directory, of: partitions })\n',
    ...lives,
  },
  {
    name: 'directory sync: after a segment is made',
    file: 'src/log/checkpoint/checkpointer.ts',
    find: '      if (partition.directoryChanged) changed.push({ path: partition.directory, of: partition })\n',
    replace: '',
    ...lives,
  },
  {
    name: 'directory sync: of the data directory at the start',
    file: 'src/log/log-group.ts',
    find: '  await disk.syncDirectory(directory)\n  const parent',
    replace: '  const parent',
    ...refusal,
  },
  {
    name: 'directory sync: of the place where the data directory lies',
    file: 'src/log/log-group.ts',
    find: '    await disk.syncDirectory(parent)\n',
    replace: '    disk.exists(parent)\n',
    ...lives,
  },
  // What is believed to be a frame.
  {
    name: 'frame: checksum not checked',
    file: 'src/log/wal/frame-reader.ts',
    find: 'checksumAt(wal, position, header) === header.checksum ? header : null',
    replace: 'checksumAt(wal, position, header) >= 0 ? header : null',
    ...frames,
  },
  {
    name: 'frame: generation not checked',
    file: 'src/log/wal/frame-reader.ts',
    find: '  if (view.getUint32(position + frameField.generation, true) !== generation) return 0\n',
    replace: '  if (generation < 0) return 0\n',
    ...frames,
  },
  {
    name: 'frame: position not checked',
    file: 'src/log/wal/frame-reader.ts',
    find: '  if (view.getUint32(position + frameField.position, true) !== position) return 0\n',
    replace: '',
    ...frames,
  },
  {
    name: 'frame: length not bounded',
    file: 'src/log/wal/frame-reader.ts',
    find: '  if (sizeBytes < frameHeaderSizeBytes || position + sizeBytes > bytes.length) return null\n',
    replace: '  if (sizeBytes === 0) return null\n',
    ...frames,
  },
  {
    name: 'frame: entries may leave their frame',
    file: 'src/log/wal/frame-reader.ts',
    find: 'if (kind === undefined || payloadSizeBytes > end - payloadAt) return null',
    replace: 'if (kind === undefined) return null',
    ...frames,
  },
  {
    name: 'chain: checksum of the frame before not compared',
    file: 'src/log/wal/wal-reader.ts',
    find: '  return sequence === next.sequence && isLinked\n',
    replace: '  return sequence === next.sequence || (isLinked && sequence === next.sequence)\n',
    ...chain,
  },
  {
    name: 'chain: sequence not compared',
    file: 'src/log/wal/wal-reader.ts',
    find: '  return sequence === next.sequence && isLinked\n',
    replace: '  return isLinked\n',
    ...chain,
  },
  // Damage and torn tails.
  {
    name: 'mark: damage below the durable mark is cut',
    file: 'src/log/wal/wal-reader.ts',
    find: 'header !== null && header.durableUpTo >= sequence',
    replace: 'header !== null && header.durableUpTo < 0',
    ...damage,
  },
  {
    name: 'mark: frames do not say what was durable before them',
    file: 'src/log/wal/wal.ts',
    find: 'durableUpTo: this.#durableBefore - 1',
    replace: 'durableUpTo: 0',
    ...damage,
  },
  {
    name: 'mark: frames are called durable that are only written',
    file: 'src/log/wal/wal.ts',
    find: 'durableUpTo: this.#durableBefore - 1',
    replace: 'durableUpTo: sequence - 1',
    tests: ['test/sim/written.test.ts'],
  },
  {
    name: 'sync: what came after it began is visible when it returns',
    file: 'src/log/partition/partition-log.ts',
    find: 'this.#endOffset = endOffset\n    return true',
    replace: 'this.#endOffset = this.#writtenEnd\n    return true',
    tests: ['test/sim/written.test.ts'],
  },
  {
    name: 'mark: no mark follows the last frame',
    file: 'src/log/commit/group-commit.ts',
    find: '      this.#markDue = true\n',
    replace: '      this.#markDue = false\n',
    ...damage,
  },
  {
    name: 'tail: bytes behind the end of a segment stay',
    file: 'src/log/recovery/recovery.ts',
    find: '    segment.file.truncate(segment.writtenBytes)\n',
    replace: '',
    ...tail,
  },
  {
    name: 'tail: what a start cut comes back',
    file: 'src/log/recovery/recovery.ts',
    find: '    segment.file.syncNow()\n',
    replace: '',
    ...refusal,
  },
  {
    name: 'tail: what a start removed comes back',
    file: 'src/log/recovery/recovery.ts',
    find: '      partition.directoryChanged = true\n',
    replace: '',
    ...refusal,
  },
  {
    name: 'tail: a new segment keeps what lay there under its name',
    file: 'src/log/partition/partition-log.ts',
    find: '    if (!this.#context.replaying) segment.file.truncate(0)\n',
    replace: '',
    tests: ['test/sim/log-restored.test.ts'],
  },
  {
    name: 'tail: a replay cuts before it knows the end',
    file: 'src/log/partition/partition-log.ts',
    find: '    if (!this.#context.replaying) segment.file.truncate(0)\n',
    replace: '    segment.file.truncate(0)\n',
    ...refusal,
  },
  {
    name: 'tail: what lies behind damage is cut',
    file: 'src/log/recovery/recovery.ts',
    find: '    if (end.damage === null && partition.damage === null) cut(',
    replace: '    cut(',
    ...refusal,
  },
  {
    name: 'replay: what no checkpoint holds is shown before it is durable',
    file: 'src/log/log-group.ts',
    find: '    if (!isDurable) await rewriteFrames(context, checkpoint.wal, end.next)\n',
    replace: '',
    ...refusal,
  },
  {
    name: 'segment: one that is shorter than it was is believed',
    file: 'src/log/recovery/recovery.ts',
    find: '  if (sizeBytes >= last.writtenBytes) return found\n',
    replace: '  if (sizeBytes >= 0) return found\n',
    ...damage,
  },
  // Evidence and hints.
  {
    name: 'clean: marked before the stop',
    file: 'src/log/checkpoint/checkpointer.ts',
    find: 'if (this.#due) this.#start(this.#checkpoint(false))',
    replace: 'if (this.#due) this.#start(this.#checkpoint(true))',
    ...tail,
  },
  {
    name: 'checkpoint: its checksum is not compared',
    file: 'src/log/checkpoint/checkpoint.ts',
    find: ' || checksum !== checksumOf(body)) return null',
    replace: ' || checksum === undefined) return null',
    tests: ['test/log/checkpoint.test.ts', 'test/sim/log-damage.test.ts'],
  },
  {
    name: 'checkpoint: its files are reused before it stands',
    file: 'src/log/checkpoint/checkpointer.ts',
    find: '    if (!(await this.#write(isNoted ? checkpoint : withoutHistory(checkpoint)))) return false\n    for (const path of wal.release(checkpoint.wal))\n      await this.#unlessOutOfFiles(() => context.disk.removeBehind(path))\n',
    replace:
      '    for (const path of wal.release(checkpoint.wal))\n      await this.#unlessOutOfFiles(() => context.disk.removeBehind(path))\n    if (!(await this.#write(isNoted ? checkpoint : withoutHistory(checkpoint)))) return false\n',
    ...lives,
  },
  {
    name: 'checkpoint: the file that is being written is reused',
    file: 'src/log/wal/wal.ts',
    find: 'isOwn ? generation >= before.generation :',
    replace: 'isOwn ? generation > before.generation :',
    ...lives,
  },
  {
    name: 'index: believed without its checksum',
    file: 'src/log/segment/segment.ts',
    find: '    if (!isUnsummed && this.#indexSum !== indexSumOf(offsets, times)) return null\n',
    replace: '',
    tests: ['test/sim/log-damage.test.ts', 'test/sim/log-flip.test.ts'],
  },
  // Sums and quarantine.
  {
    name: 'sums: a block that is read is not checked',
    file: 'src/log/segment/segment.ts',
    find: 'const damagedAt = range === null ? -1 : damagedBlockAt(bytes, range)',
    replace: 'const damagedAt = range === null ? -1 : Math.min(-1, damagedBlockAt(bytes, range))',
    tests: ['test/sim/log-damage.test.ts', 'test/sim/log-flip.test.ts'],
  },
  {
    name: 'salt: that of another log is believed',
    file: 'src/log/log-group.ts',
    find: '  refuseOtherSalt(context, salt, checkpoint)\n',
    replace: '',
    tests: ['test/sim/log-restored.test.ts'],
  },
  {
    name: 'quarantine: the table of a damaged frame is believed',
    file: 'src/log/wal/frame-reader.ts',
    find: 'return checksum === view.getUint32(position + frameField.tableChecksum, true) ? header : null',
    replace: 'return checksum === 0 ? null : header',
    tests: ['test/sim/log-damage.test.ts'],
  },
  {
    name: 'quarantine: the batches of a damaged frame are believed',
    file: 'src/log/recovery/recovery.ts',
    find: 'if (damaged && !isWholeBatch(',
    replace: 'if (damaged && offset < 0 && !isWholeBatch(',
    tests: ['test/sim/log-damage.test.ts'],
  },
  {
    name: 'quarantine: what was damaged is not kept',
    file: 'src/log/log-group.ts',
    find: '    if (recovered.evidence.size > 0) await quarantineWalFiles(context, recovered.evidence)\n',
    replace: '',
    tests: ['test/sim/log-damage.test.ts'],
  },
  {
    name: 'quarantine: a damaged frame needs no other to prove it',
    file: 'src/log/wal/wal-reader.ts',
    find: 'return isProven ? header : null',
    replace: 'return isProven ? header : header',
    tests: ['test/sim/log-damage.test.ts', 'test/sim/log.test.ts', 'test/sim/producers.test.ts'],
  },
  {
    name: 'quarantine: batches behind damage are applied',
    file: 'src/log/recovery/recovery.ts',
    find: '  if (partition.lostFrom !== null) {',
    replace: '  if (partition.lostFrom === -1) {',
    ...damage,
  },
  {
    name: 'sums: a slice is not checked by the process that reads it',
    file: 'src/streams/runtime/slice-reader.ts',
    find: 'const damagedAt = summed === undefined ? -1 : damagedBlockAt(read, summed)',
    replace: 'const damagedAt = summed === undefined ? -1 : Math.min(-1, damagedBlockAt(read, summed))',
    ...damage,
  },
  {
    name: 'sums: a damaged file of sums is believed',
    file: 'src/log/segment/segment-sums.ts',
    find: 'view.getUint32(4, true) === crc32(bytes, 8)\n  const isOurs',
    replace: 'crc32(bytes, 8) >= 0\n  const isOurs',
    tests: ['test/sim/log-scrub.test.ts'],
  },
  {
    name: 'sums: those of the newest bytes are not kept',
    file: 'src/log/segment/segment.ts',
    find: '    this.sums.add(bytes)\n',
    replace: '',
    ...damage,
  },
  {
    name: 'index: files that are not what was written are believed',
    file: 'src/log/segment/segment.ts',
    find: 'if (!isUnsummed && this.#indexSum !== indexSumOf(offsets, times)) return null',
    replace: 'if (!isUnsummed && offsets.length < 0) return null',
    tests: ['test/sim/log-flip.test.ts'],
  },
  {
    name: 'scrub: what nobody reads is not looked at',
    file: 'src/log/damage/scrubber.ts',
    find: '        await this.pass()\n',
    replace: '',
    tests: ['test/sim/log-scrub.test.ts'],
  },
  {
    name: 'repair: what is replaced is not kept',
    file: 'src/log/damage/repair.ts',
    find: 'if (before !== null) await copyAside(',
    replace: 'if (before === new Uint8Array(0)) await copyAside(',
    tests: ['test/sim/log-repair.test.ts'],
  },
  {
    name: 'repair: offsets that were lost are given again',
    file: 'src/log/damage/repair-plan.ts',
    find: '  if (isTorn || isShort) fill(range.until)\n',
    replace: '',
    tests: ['test/sim/log-repair.test.ts'],
  },
  // Idempotent producers.
  {
    name: 'producer: its state is not in the checkpoint',
    file: 'src/log/partition/partition-log.ts',
    find: '      ...(this.#producers && this.#producers.count > 0 && { producers: this.#producers.rows }),\n',
    replace: '',
    ...producers,
  },
  {
    name: 'producer: its state is not replayed',
    file: 'src/log/recovery/recovery.ts',
    find: '  replaying.changes.producer(partition, batch, producerTime).baseOffset = offset\n',
    replace: '',
    ...producers,
  },
  {
    name: 'producer: an older epoch is let in',
    file: 'src/log/partition/producer-table.ts',
    find: "  if (epoch < known.epoch) return { kind: 'fenced', epoch: known.epoch }\n",
    replace: '',
    tests: ['test/log/idempotence.test.ts'],
  },
  {
    name: 'producer: what follows a refused first batch is taken',
    file: 'src/log/partition/producer-table.ts',
    find: '    this.#awaited.set(producerId, claim)\n',
    replace: '',
    tests: ['test/log/idempotence.test.ts'],
  },
  // Order and refusal.
  {
    name: 'order: files are deleted before their deletion is durable',
    file: 'src/log/commit/group-commit.ts',
    find: 'if (changes.hasControls && !(await round?.returned)) return',
    replace: '',
    ...lives,
  },
  {
    name: 'sums: a segment may come with sums of its own',
    file: 'src/log/segment/segment-sums.ts',
    find: '    (sumFileChecksum === undefined || view.getUint32(4, true) === sumFileChecksum)',
    replace: '    true',
    tests: ['test/sim/log-exchanged.test.ts'],
  },
  {
    name: 'sums: those of a segment are made anew and believed',
    file: 'src/log/segment/segment-sums.ts',
    find: ' && sumsChecksum(this.#of, made) === this.#checksum) return made',
    replace: ') return made',
    tests: ['test/sim/log-exchanged.test.ts'],
  },
  // Earlier moments.
  {
    name: 'history: a moment is noted when more than it is visible',
    file: 'src/log/commit/frame-changes.ts',
    find: '    history.pass(moment)\n',
    replace: '',
    ...past,
  },
  {
    name: 'history: what found no room is taken for noted',
    file: 'src/log/checkpoint/checkpointer.ts',
    find: '    if (!isNoted) context.history.lose()\n',
    replace: '',
    ...past,
  },
  {
    name: 'history: frames that are read back are not noted',
    file: 'src/log/commit/frame-changes.ts',
    find: '    history.touch(',
    replace: '    if (!this.#context.replaying) history.touch(',
    ...past,
  },
  {
    name: 'history: what compaction took is not missed',
    file: 'src/log/backup/cut.ts',
    find: 'if ((facts.keysTo ?? 0) > before.endOffset)',
    replace: 'if ((facts.keysTo ?? 0) < 0)',
    ...past,
  },
  {
    name: 'order: append time follows the clock back',
    file: 'src/log/commit/group-commit.ts',
    find: 'Math.max(this.#context.clock.now(), this.#frame.appendTime)',
    replace: 'this.#context.clock.now()',
    ...lives,
  },
  {
    name: 'refusal: a failed write is taken for a full disk',
    file: 'src/log/commit/group-commit.ts',
    find: '    if (!isCurable(error)) this.fail(error)\n',
    replace: '',
    ...refusal,
  },
  {
    name: 'refusal: the reserve is given away',
    file: 'src/log/disk/disk-reserve.ts',
    find: 'return freeBytes <= diskReserveBytes',
    replace: 'return freeBytes < 0',
    ...group,
  },
  {
    name: 'write: a short write is taken for a whole one',
    file: 'src/base/real-disk.ts',
    find: '      written += count\n',
    replace: '      written = count > 0 ? bytes.length : written\n',
    tests: ['test/faults/short-write.test.ts'],
  },
  {
    name: 'lock: two processes share a directory',
    file: 'src/base/directory-lock.ts',
    find: "    database.run('BEGIN EXCLUSIVE')\n",
    replace: '',
    tests: ['test/base/directory-lock.test.ts'],
  },
]
