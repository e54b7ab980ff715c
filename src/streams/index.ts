export * from './api.ts'
export * from './app.ts'
export * from './running-app.ts'
