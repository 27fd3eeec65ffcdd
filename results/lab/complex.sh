#!/usr/bin/env bash
# Two relations in one prompt: InfSplign guiding both against guiding the first alone, on the lab.
#
#     results/lab/complex.sh FOLDER [PROCESSES]
#
# FOLDER takes the runs; started again it goes on where it stopped. PROCESSES (1 where not given) work
# side by side, each on a part of the images. Half of the prompts come first, so that what is there
# when it is stopped can be compared.
set -eu
here="$(cd "$(dirname "$0")" && pwd)"
folder="${1:?usage: complex.sh FOLDER [PROCESSES]}"
processes="${2:-1}"
export OMP_NUM_THREADS=1

run() {
    local out="$1"
    shift
    local command=(spatialbench run "$@" --bench complex:lab --detector lab-owlvit --batch-size 32
        --out "$folder/$out")
    local parts=() part
    if [ "$processes" -gt 1 ]; then
        for part in $(seq "$processes"); do
            "${command[@]}" --shard "$part/$processes" >"$folder/$out-$part.log" 2>&1 &
            parts+=("$!")
        done
        for part in "${parts[@]}"; do wait "$part"; done
    fi
    "${command[@]}"
}

mkdir -p "$folder"
for limit in 100 200; do
    for relations in first all; do
        run "$relations" --method infsplign --set weight=300 --set "relations=$relations" --limit "$limit"
    done
done
run sd --method sd

{
    printf '# Two relations in one prompt: guiding both, guiding the first alone\n\n'
    printf '200 prompts of `complex:lab` x 4. Made by `results/lab/complex.sh FOLDER`. The row of infsplign\n'
    printf 'without `relations=all` is the one that guides the first relation alone.\n\n'
    spatialbench leaderboard "$folder"/{sd,first,all} --price --no-published --format md
    printf '\n'
    spatialbench compare "$folder"/{first,all} --flips 0 --format md
} >"$folder/complex.md"
mv "$folder/complex.md" "$here/complex.md"
