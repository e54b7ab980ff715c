// The installer: archives of this and of a foreign platform, verified, installed without a network, refused when damaged.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const root = join(import.meta.dir, '..', '..')
const installer = join(root, 'install.sh')
const cpu = existsSync('/proc/cpuinfo') ? readFileSync('/proc/cpuinfo', 'utf8') : ''
const own =
  process.arch === 'arm64' ? 'linux-arm64' : /\bavx2\b/.test(cpu) ? 'linux-x64' : 'linux-x64-baseline'
const foreign = process.arch === 'arm64' ? 'linux-x64' : 'linux-arm64'
/** `e_machine` of an ELF header. */
const machines: Record<string, number> = { 'linux-x64': 62, 'linux-x64-baseline': 62, 'linux-arm64': 183 }

let folder: string
let archives: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pspf-install-'))
  archives = join(folder, 'archives')
  mkdirSync(archives)
  const built = Bun.spawnSync([process.execPath, join(root, 'compile.ts'), '--target', `${own},${foreign}`], {
    cwd: root,
    stderr: 'pipe',
  })
  expect(built.stderr.toString()).not.toContain('error')
  for (const name of readdirSync(join(root, 'dist')).filter((one) => /\.tar\.gz$|SHA256SUMS/.test(one))) {
    cpSync(join(root, 'dist', name), join(archives, name))
  }
}, 180_000)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const archiveOf = (target: string) =>
  join(archives, readdirSync(archives).find((name) => name.endsWith(`-${target}.tar.gz`)) ?? 'none')
const prefix = () => mkdtempSync(join(folder, 'bin-'))

/** As a user runs it, away from any checkout, without registries or proxies in sight. */
function install(args: string[], script = installer) {
  const copy = join(mkdtempSync(join(folder, 'run-')), 'install.sh')
  cpSync(script, copy)
  const ran = Bun.spawnSync(['sh', copy, ...args], {
    cwd: folder,
    env: { PATH: '/usr/bin:/bin', HOME: folder },
    stdin: 'ignore',
  })
  return { code: ran.exitCode, err: ran.stderr.toString(), out: ran.stdout.toString() }
}

describe('install.sh', () => {
  test('an archive and its checksum are enough, offline', () => {
    const bin = prefix()
    const { code, err } = install(['--offline', '--from', archiveOf(own), '--prefix', bin])
    expect(err).toContain('installed')
    expect(code).toBe(0)
    const version = Bun.spawnSync([join(bin, 'pspfctl'), 'version'], { env: {} })
    expect(version.stdout.toString()).toMatch(/\d+\.\d+\.\d+/)
    expect(install(['--offline', '--from', archiveOf(own), '--prefix', bin]).err).toContain('up to date')
    install(['--uninstall', '--prefix', bin])
    expect(readdirSync(bin)).toEqual([])
  })

  test('a folder of releases is a mirror: the right build is chosen', async () => {
    const server = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      fetch: (request) => new Response(Bun.file(join(archives, new URL(request.url).pathname.slice(1)))),
    })
    const bin = prefix()
    const child = Bun.spawn(
      ['sh', installer, '--mirror', `http://127.0.0.1:${server.port}`, '--prefix', bin],
      {
        env: { PATH: '/usr/bin:/bin', HOME: folder },
        stderr: 'pipe',
      },
    )
    expect(await new Response(child.stderr).text()).toContain(`${own}.tar.gz`)
    expect(await child.exited).toBe(0)
    expect(readdirSync(bin).sort()).toEqual(['pspf', 'pspfctl'])
    await server.stop(true)
  }, 60_000)

  test('a damaged archive, one without a checksum and one of another platform are refused; nothing is installed', () => {
    const damaged = join(folder, 'damaged', 'pspf.tar.gz')
    mkdirSync(join(folder, 'damaged'))
    const bytes = readFileSync(archiveOf(own))
    bytes[bytes.length >> 1]! ^= 1
    writeFileSync(damaged, bytes)
    const bin = prefix()
    expect(install(['--from', damaged, '--prefix', bin])).toMatchObject({
      code: 1,
      err: expect.stringContaining('no checksum'),
    })
    const sum = new Bun.CryptoHasher('sha256').update(readFileSync(archiveOf(own))).digest('hex')
    expect(install(['--from', damaged, '--prefix', bin, '--expected-sha256', sum])).toMatchObject({
      code: 1,
      err: expect.stringContaining('does not match'),
    })
    expect(install(['--from', archiveOf(foreign), '--prefix', bin])).toMatchObject({
      code: 1,
      err: expect.stringContaining('does not run'),
    })
    expect(install(['--from', join(folder, 'absent.tar.gz'), '--prefix', bin]).code).toBe(1)
    expect(readdirSync(bin)).toEqual([])
  })

  test('a truncated script does nothing at all', () => {
    const whole = readFileSync(installer, 'utf8')
    const cut = join(folder, 'cut.sh')
    for (const share of [0.3, 0.6, 0.9, 0.99]) {
      writeFileSync(cut, whole.slice(0, Math.floor(whole.length * share)))
      const bin = prefix()
      install(['--from', archiveOf(own), '--prefix', bin], cut)
      expect(readdirSync(bin)).toEqual([])
    }
  })

  test('an unknown option is refused with the usage', () => {
    expect(install(['--frmo', 'x'])).toMatchObject({ code: 1, err: expect.stringContaining('usage') })
  })

  test('each archive holds an executable of its platform, the licence and the readme', () => {
    for (const target of [own, foreign]) {
      const into = mkdtempSync(join(folder, 'unpacked-'))
      expect(Bun.spawnSync(['tar', '-xzf', archiveOf(target), '-C', into]).exitCode).toBe(0)
      const inside = join(into, readdirSync(into)[0]!)
      expect(readdirSync(inside).sort()).toEqual(['LICENSE', 'README.md', 'install.sh', 'pspf'])
      const header = readFileSync(join(inside, 'pspf')).subarray(0, 20)
      expect(header.subarray(1, 4).toString()).toBe('ELF')
      expect(header.readUInt16LE(18)).toBe(machines[target]!)
    }
  })
})
