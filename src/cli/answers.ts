// What the node answers, as types: the contract of its HTTP interface.
export type {
  AppStatus,
  BackupStatus,
  DashboardSpec,
  GraphDescription,
  GraphNode,
  GroupSummary,
  Health,
  Problem,
  ProduceAnswer,
  RecordJson,
  RecordsPage,
  ResetAnswer,
  TopicDetail,
  TopicSummary,
} from '#node'
