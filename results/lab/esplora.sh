#!/usr/bin/env bash
# ESPLoRA's recipe on the lab: training set, training, images and the tables of this folder.
# `make lab-esplora`, or
#
#     results/lab/esplora.sh FOLDER
#
# FOLDER takes the runs and the training set; started again it goes on where it stopped.
set -eu
here="$(cd "$(dirname "$0")" && pwd)"
folder="${1:?usage: esplora.sh FOLDER}"
held_out="$(spatialbench lab held-out --limit 500 | paste -sd,)"

if [ ! -e "$folder/set/lora/pytorch_lora_weights.safetensors" ]; then
    spatialbench esplora build-data --folder "$folder/set" --count 3000 --steps 10 --batch-size 32 \
        --format md >"$folder/build-data.md"
    spatialbench esplora train "$folder/set" --rank 64 --targets attention+ff --steps 800 \
        --batch-size 32 --learning-rate 5e-4 --object-weight 3
fi

# At a scale of 1 the LoRA costs more objects: see README.md.
run() {
    local method="$1" chosen=(--method sd)
    shift
    [ "$method" = sd ] || chosen=(--method esplora --set "lora=$folder/set/lora" --set scale=0.7)
    spatialbench run "${chosen[@]}" --batch-size 32 "$@"
}

# A leaderboard of the two runs, and what the second is worth beside the first.
tables() {
    local name="$1" title="$2"
    shift 2
    {
        printf '# %s\n\n' "$title"
        spatialbench leaderboard "$@" --price --no-published --format md
        printf '\n'
        spatialbench compare "$@" --flips 0 --format md
    } >"$folder/$name.md"
    mv "$folder/$name.md" "$here/$name.md"
}

for method in sd esplora; do
    run "$method" --bench visor --only "$held_out" --out "$folder/visor-500/$method"
    run "$method" --bench geneval:single_object --out "$folder/single-object/$method"
done

{
    printf '# Images of the training set: kept and rejected\n\n'
    printf '`spatialbench esplora build-data --count 3000 --steps 10` on the lab, rule `esplora-r1`.\n\n'
    cat "$folder/build-data.md"
} >"$here/esplora-build-data.md"
tables esplora-visor "ESPLoRA on VISOR, 500 held-out prompts x 4" "$folder"/visor-500/{sd,esplora}
tables esplora-single-object "ESPLoRA on GenEval's single objects, 80 prompts x 4" \
    "$folder"/single-object/{sd,esplora}
