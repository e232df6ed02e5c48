import { rest, restWithPatience, salesforce, salesforceInBulk } from './apis';
import { duckdb, mysql, postgres, sqlite } from './databases';
import type { SourceFixtureDefinition } from './fixture';
import { http, local, s3, sftp } from './places';
import { redshift } from './warehouses';

export { hardValues, type HardValue, type SourceFixture, type SourceFixtureDefinition } from './fixture';

/** By name of the connector, or of a way in which one reads: at least one for each that can be read from. */
export const sourceFixtures: Readonly<Record<string, SourceFixtureDefinition>> = { postgres, mysql, sqlite, duckdb, files: local, s3, http, sftp, rest, 'rest, a server that asks for patience': restWithPatience, salesforce, redshift, 'salesforce in bulk, in short sessions': salesforceInBulk };
