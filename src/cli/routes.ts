// Addresses of things on the node.

export const topicPath = (name: string) => `/api/v1/topics/${encodeURIComponent(name)}`
export const groupPath = (id: string) => `/api/v1/groups/${encodeURIComponent(id)}`
export const backupPath = (id: string) => `/api/v1/backups/${encodeURIComponent(id)}`
export const tablePath = (name: string) => `/api/v1/tables/${encodeURIComponent(name)}`
export const dlqPath = (topic: string) => `/api/v1/dlq/${encodeURIComponent(topic)}`
export const appPath = (id: string) => `/api/v1/apps/${encodeURIComponent(id)}`
