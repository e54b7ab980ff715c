// The compiled binary as a user has it: copied alone into an empty folder, without HOME, dependencies or source.
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const built = join(import.meta.dir, '..', '..', 'dist', 'pspf')
const readyWithinMs = 20_000

export type Outcome = { code: number; out: string; err: string }

/** A fresh folder with only the binary in it. */
export class Sandbox {
  readonly folder = mkdtempSync(join(tmpdir(), 'pspf-e2e-'))
  readonly binary = join(this.folder, 'pspf')
  readonly #nodes: Node[] = []

  constructor() {
    if (!existsSync(built)) throw new Error('dist/pspf is missing: run `bun compile.ts` first')
    cpSync(built, this.binary)
    mkdirSync(join(this.folder, 'tmp'))
  }

  get environment(): Record<string, string> {
    return { PATH: '/usr/bin:/bin', TMPDIR: join(this.folder, 'tmp') }
  }

  /** Runs a command to its end. */
  async run(
    args: string[],
    options: { stdin?: string; url?: string; env?: Record<string, string> } = {},
  ): Promise<Outcome> {
    const child = Bun.spawn([this.binary, ...args], {
      cwd: this.folder,
      env: { ...this.environment, ...(options.url ? { PSPF_URL: options.url } : {}), ...options.env },
      stdin: new Blob([options.stdin ?? '']),
      stdout: 'pipe',
      stderr: 'pipe',
      timeout: 60_000,
      killSignal: 'SIGKILL',
    })
    const [out, err, code] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
      child.exited,
    ])
    return { code, out, err }
  }

  /** Starts `pspf serve` and waits until it is ready. `under`: a command that runs it, with its arguments. */
  async serve(
    args: string[] = [],
    options: { port?: number; env?: Record<string, string>; under?: readonly string[] } = {},
  ): Promise<Node> {
    const { port = 0, env = {}, under = [] } = options
    const node = await Node.start(
      this,
      [...under, this.binary, 'serve', '--http', `127.0.0.1:${port}`, ...args],
      env,
    )
    this.#nodes.push(node)
    return node
  }

  async remove(): Promise<void> {
    for (const node of this.#nodes) await node.kill()
    rmSync(this.folder, { recursive: true, force: true })
  }
}

export class Node {
  readonly url: string
  readonly #child: Bun.Subprocess<'ignore', 'pipe', 'pipe'>
  readonly #log: string[]

  private constructor(child: Bun.Subprocess<'ignore', 'pipe', 'pipe'>, url: string, log: string[]) {
    this.#child = child
    this.url = url
    this.#log = log
  }

  static async start(sandbox: Sandbox, command: string[], env: Record<string, string>): Promise<Node> {
    const child = Bun.spawn(command, {
      cwd: sandbox.folder,
      env: { ...sandbox.environment, ...env },
      stdin: 'ignore',
      stdout: 'pipe',
      stderr: 'pipe',
    })
    const log: string[] = []
    const url = await new Promise<string>((resolve, reject) => {
      const late = setTimeout(
        () => reject(new Error(`not ready within ${readyWithinMs} ms:\n${log.join('')}`)),
        readyWithinMs,
      )
      const read = async (stream: ReadableStream<Uint8Array>) => {
        for await (const chunk of stream) {
          log.push(new TextDecoder().decode(chunk))
          const found = /http:\/\/127\.0\.0\.1:\d+/.exec(log.join(''))
          if (found) {
            clearTimeout(late)
            resolve(found[0])
          }
        }
      }
      Promise.all([read(child.stdout), read(child.stderr)]).then(
        () => reject(new Error(`ended before it was ready:\n${log.join('')}`)),
        reject,
      )
    })
    return new Node(child, url, log)
  }

  get port(): number {
    return Number(new URL(this.url).port)
  }
  get pid(): number {
    return this.#child.pid
  }
  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }
  get log(): string {
    return this.#log.join('')
  }

  /** As the operating system would pull the plug on a process. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#child.exited
  }

  /** Asks it to stop and answers its exit code. */
  async stop(): Promise<number> {
    this.#child.kill('SIGTERM')
    return await this.#child.exited
  }

  async get<T>(path: string): Promise<T> {
    const response = await fetch(this.url + path)
    if (!response.ok) throw new Error(`GET ${path}: ${response.status} ${await response.text()}`)
    return (await response.json()) as T
  }

  async post<T>(path: string, body: unknown): Promise<T> {
    const response = await fetch(this.url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    if (!response.ok) throw new Error(`POST ${path}: ${response.status} ${await response.text()}`)
    return (await response.json()) as T
  }
}

/** Asks again until the answer pleases; fails with the last one after `withinMs`. */
export async function eventually<T>(
  ask: () => Promise<T>,
  pleases: (answer: T) => boolean,
  withinMs = 20_000,
): Promise<T> {
  const deadline = performance.now() + withinMs
  for (;;) {
    const answer = await ask().catch((error: unknown) => error as T)
    if (!(answer instanceof Error) && pleases(answer)) return answer
    if (performance.now() > deadline)
      throw new Error(
        `not within ${withinMs} ms; last answer: ${answer instanceof Error ? answer.message : JSON.stringify(answer)?.slice(0, 2000)}`,
      )
    await Bun.sleep(50)
  }
}
