// One command from words to exit code: parse, make the session, run, and say why if it fails.
import { callOf } from './command.ts'
import { tableFor } from './command-table.ts'
import { exitCode, exitCodeFor } from './exit-codes.ts'
import { describeFailure } from './failure.ts'
import { helpFor } from './help.ts'
import { paintFor } from './output/style.ts'
import { parse, withProgram } from './parse.ts'
import { Session } from './session.ts'
import { ClosedPipe, type Terminal } from './terminal.ts'

/** Answers the exit code; throws nothing. */
export async function run(terminal: Terminal): Promise<number> {
  try {
    return await runWords(terminal, withProgram(terminal.program, terminal.arguments))
  } catch (thrown) {
    const paint = paintFor(terminal, terminal.messagesAreTerminal, wantedColour(terminal.arguments))
    terminal.err(describeFailure(thrown, { json: wantsJson(terminal.arguments), paint }))
    return exitCodeFor(thrown)
  }
}

async function runWords(terminal: Terminal, words: readonly string[]): Promise<number> {
  const table = await tableFor(words)
  const parsed = parse(words, table)
  if ('group' in parsed) {
    const text = helpFor(table, parsed.group, terminal)
    if (!parsed.asked) {
      terminal.err(text)
      return exitCode.usage
    }
    await terminal.out(text)
    return exitCode.success
  }
  if (parsed.flags.has('help')) {
    await terminal.out(helpFor(table, parsed.command.path, terminal))
    return exitCode.success
  }
  const session = new Session(terminal, parsed.flags, parsed.command.defaultFormat)
  try {
    return await parsed.command.run(callOf(parsed, session))
  } catch (thrown) {
    // Ctrl-C may surface as whatever it interrupted.
    if (terminal.interrupted.aborted && !(thrown instanceof ClosedPipe)) terminal.interrupted.throwIfAborted()
    throw thrown
  }
}

/** Before the words are understood, so that even a wrong command line answers in the format it asked for. */
function wantsJson(words: readonly string[]): boolean {
  return words.some(
    (word, index) =>
      /^(-o|--output=)=?jsonl?$/.test(word) ||
      (/^(-o|--output)$/.test(word) && /^jsonl?$/.test(words[index + 1] ?? '')),
  )
}

function wantedColour(words: readonly string[]): string | undefined {
  const index = words.indexOf('--color')
  return index >= 0
    ? words[index + 1]
    : words.find((word) => word.startsWith('--color='))?.slice('--color='.length)
}
