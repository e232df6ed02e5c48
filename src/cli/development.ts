/** What the command line needs of `millrace dev`'s environment. */
export { findEnvironment, startEnvironment, type FoundEnvironment, type StartedEnvironment } from '../dev/environment';
