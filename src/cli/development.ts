/** What the command line needs of `millrace dev`'s environment. */
export { startEnvironment, type StartedEnvironment } from '../dev/environment';
export { findEnvironment, homeAbove, type FoundEnvironment } from '../dev/environment-note';
export { HomeTakenError, lockUsers, type HomeLock } from '../dev/home-lock';
