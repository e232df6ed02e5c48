import { condition, setHandler } from '@temporalio/workflow';
import { release } from './messages';

/** The lock of a pipeline: its workflow id is the pipeline's name, so a second one cannot be started (semantics 3). */
export async function holdPipeline(): Promise<void> {
  let released = false;
  setHandler(release, () => { released = true; });
  await condition(() => released);
}
