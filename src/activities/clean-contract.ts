/** What workflows know of the janitor's activities. */
export interface CleanActivities {
  findStaging(input?: { readonly staging?: string }): Promise<StagingFound>;
  cleanPipeline(input: CleanPipelineInput): Promise<PipelineCleaned>;
  settlePipeline(input: CleanPipelineInput): Promise<PipelineSettled>;
}

export interface StagingFound {
  /** Queue of the workers that share the staging. */
  readonly queue: string;
  /** Names of the pipelines that have runs in it. */
  readonly pipelines: readonly string[];
  /** Addresses of further stores, which pipelines named. */
  readonly elsewhere?: readonly string[];
}

export interface CleanPipelineInput {
  readonly pipeline: string;
  /** Only tell. */
  readonly dryRun: boolean;
  /** Of a store that pipelines named; absent: that of the worker. */
  readonly staging?: string;
}

export interface PipelineCleaned {
  /** Staged files of ended runs. */
  readonly files: number;
  readonly bytes: number;
  /** Uploads of ended runs that were cut off, in a store that keeps such; they cost and no listing shows them. */
  readonly uploads?: number;
  readonly quarantineFiles: number;
  readonly quarantineBytes: number;
  /** Runs that ended without a receipt and are not settled in the destination yet. */
  readonly unsettled: readonly string[];
  /** Hidden tables that an earlier settling could not lock. */
  readonly tables: readonly string[];
  /** What was left alone, and why. */
  readonly notes: readonly string[];
}

export interface PipelineSettled {
  /** `orders/run-…/orders`: streams whose claim was taken and settled. */
  readonly settled: readonly string[];
  readonly notes: readonly string[];
}

export interface CleanReport {
  readonly dryRun: boolean;
  readonly pipelines: readonly ({ readonly pipeline: string; readonly settled: readonly string[] } & PipelineCleaned)[];
}
