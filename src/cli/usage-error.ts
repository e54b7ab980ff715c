// A command line that cannot be meant: unknown words and flags, missing or impossible values.

export class UsageError extends Error {
  override readonly name = 'UsageError'
  readonly fix: string

  constructor(message: string, fix: string) {
    super(message)
    this.fix = fix
  }
}
