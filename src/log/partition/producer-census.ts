// How many idempotent producers the tables of a log know together, so that many partitions cannot take memory without end.
// Beyond `producersMax` each table may keep its share, and forgets down to it with its next batch or checkpoint.

export class ProducerCensus {
  /** Tables that know a producer. */
  tables = 0
  producers = 0

  /** What one table may keep whatever the others do. */
  share(producersMax: number): number {
    return Math.max(1, Math.floor(producersMax / Math.max(1, this.tables)))
  }
}
