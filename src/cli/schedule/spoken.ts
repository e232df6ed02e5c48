import { wholeSeconds } from '../../domain/schedule';

/** `2026-08-01 06:00:00 UTC` */
export const spokenInstant = (instant: Date): string => `${wholeSeconds(instant).replace('T', ' ').replace('Z', '')} UTC`;
