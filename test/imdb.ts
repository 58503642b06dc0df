import { packageRoot } from '../core/entry.ts'
import { hasPeer } from './peers.ts'

/** The folder of the real reviews, which no test copies into the project. */
export const imdb: string = process.env.GRAFT_IMDB ?? `${packageRoot}/../shared/data/imdb`

/** Ends the name of a test that needs them: empty where they are there, else why the test is skipped. */
export const withoutImdb: string = hasPeer(`${imdb}/train.jsonl.gz`)
  ? ''
  : ' (skipped: no reviews in $GRAFT_IMDB nor ../shared/data/imdb)'
