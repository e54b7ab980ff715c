// Real faults for a real process: system calls that fail or wait (strace), small and read-only file systems (mount),
// limits (prlimit, control groups). Where one of them cannot be had, the tests that need it say by name what is missing.
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

function works(command: string, ...args: string[]): boolean {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0
}

const isRoot = process.platform === 'linux' && process.getuid?.() === 0

/** Why a tool cannot be used here, or null. */
export const missing = {
  strace: works('strace', '-qq', '-e', 'inject=getppid:error=EIO', '-o', '/dev/null', 'true')
    ? null
    : 'strace cannot trace here',
  mount: isRoot && works('unshare', '--mount', 'true') ? null : 'needs root to mount',
  prlimit: works('prlimit', '--nofile=64', 'true') ? null : 'there is no prlimit',
  setpriv: isRoot && works('setpriv', '--reuid=65534', 'true') ? null : 'needs root to become another user',
} as const

/** `because('a title', missing.strace) -> 'a title (skipped: strace cannot trace here)'` */
export function because(title: string, reason: string | null): string {
  return reason === null ? title : `${title} (skipped: ${reason})`
}

/**
 * Runs a command so that its system calls fail or wait as told: `fdatasync:error=EIO:when=7`. Calls are counted by
 * thread. The process keeps its parent and its id: strace watches from aside.
 */
export function injected(...faults: string[]): string[] {
  const calls = [...new Set(faults.map((fault) => fault.split(':')[0]!))].join(',')
  const options = faults.flatMap((fault) => ['-e', `inject=${fault}`])
  return ['strace', '-D', '-f', '-qq', '-o', '/dev/null', '-e', `trace=${calls}`, ...options, '--']
}

/** A file system in memory that holds so much and no more. */
export class SmallDisk {
  readonly path = mkdtempSync(join(tmpdir(), 'pspf-small-'))

  constructor(sizeBytes: number) {
    this.#run('mount', '-t', 'tmpfs', '-o', `size=${sizeBytes}`, 'pspf-test', this.path)
  }

  /** Takes what is left, to the last byte; answers how to give it back. */
  fill(): () => void {
    const filler = join(this.path, 'filler')
    // Ends with "no space left", which is what it is for.
    spawnSync('dd', ['if=/dev/zero', `of=${filler}`, 'bs=4096'], { stdio: 'ignore' })
    return () => rmSync(filler)
  }

  readOnly(isReadOnly: boolean): void {
    this.#run('mount', '-o', `remount,${isReadOnly ? 'ro' : 'rw'}`, this.path)
  }

  remove(): void {
    this.#run('umount', this.path)
    rmdirSync(this.path)
  }

  #run(command: string, ...args: string[]): void {
    const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' })
    if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`)
  }
}

type Controller = 'memory' | 'cpu'

/** A group of processes that may have so much of something together. */
export class ControlGroup {
  readonly path: string

  static missing(controller: Controller): string | null {
    const probe = join('/sys/fs/cgroup', controller, `pspf-probe-${process.pid}`)
    try {
      mkdirSync(probe)
      rmdirSync(probe)
      return null
    } catch {
      return `no ${controller} control group can be made`
    }
  }

  constructor(controller: Controller) {
    this.path = join('/sys/fs/cgroup', controller, `pspf-test-${process.pid}`)
    mkdirSync(this.path)
  }

  set(name: string, value: number): void {
    writeFileSync(join(this.path, name), String(value))
  }

  /** Puts a running process into it; those that it has started before stay where they are. */
  take(process: number): void {
    this.set('cgroup.procs', process)
  }

  /** Runs a command in it, with all that it will start. */
  get under(): string[] {
    return ['sh', '-c', `echo $$ > ${join(this.path, 'cgroup.procs')} && exec "$0" "$@"`]
  }

  remove(): void {
    rmdirSync(this.path)
  }
}
