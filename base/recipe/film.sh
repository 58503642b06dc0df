#!/bin/sh
# film.sh IMDB_DIR: trains the adapter `film` on the embedded base, into base/film. Run it from the root of the project,
# after make.sh, which installs the Python packages. IMDB_DIR holds train.jsonl.gz, unsup.jsonl.gz and test.jsonl.gz with
# {"text": …, "label": …} lines; unsup needs no labels.
set -e
imdb=$1
recipe=base/recipe
work=$recipe/work
python=$work/python/bin/python
graft="node bin/graft.cjs"
export MALLOC_TRIM_THRESHOLD_=4000000000 MALLOC_MMAP_THRESHOLD_=4000000000
[ -f $work/film/first/graft.json ] ||
  $graft train --data "$imdb/train.jsonl.gz" --method bottleneck --bottleneck 8 --variant double_seq_bn --epochs 2 \
    --out $work/film/first
$python $recipe/film_sentences.py "$imdb" $work
$graft predict --checkpoint $work/film/first --data $work/film/sentences.jsonl --text-column text --out $work/film/judged.jsonl
OMP_NUM_THREADS=1 $python $recipe/film_rows.py "$imdb" $work
$graft train --data $work/film/rows.jsonl --test "$imdb/test.jsonl.gz" --from-adapter $work/film/first \
  --learning-rate 0.003 --epochs 2.5 --out $work/film/second
rm -rf base/film
cp -r $work/film/second base/film
