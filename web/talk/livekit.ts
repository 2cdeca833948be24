/** The way in to everything that holds LiveKit's code. Only ever imported dynamically. */

export { RoomReader } from './RoomReader';
export * from './room';
