/** The folder with IMDB's reviews, as `train.jsonl.gz` and `test.jsonl.gz`: `GRAFT_IMDB`, or beside the project. */
const folder = process.env.GRAFT_IMDB ?? '../shared/data/imdb'

/** The files of IMDB's labelled reviews. */
export const imdb = { train: `${folder}/train.jsonl.gz`, test: `${folder}/test.jsonl.gz` } as const
