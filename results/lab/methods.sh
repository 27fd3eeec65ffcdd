#!/usr/bin/env bash
# The methods on the lab: images, scores and the tables of this folder. `make lab-methods`, or
#
#     results/lab/methods.sh FOLDER [METHOD ...]
#
# FOLDER takes the runs and ESPLoRA's training set; started again it goes on where it stopped, and
# several may work on different methods at once. Without a method all are run and the tables are
# written. T2I-CompBench's prompts must be there (`spatialbench fetch t2i-compbench`).
set -eu
here="$(cd "$(dirname "$0")" && pwd)"
folder="${1:?usage: methods.sh FOLDER [METHOD ...]}"
shift

# storm-corrected stands for itself on VISOR: it refuses "near", which T2I-CompBench asks for.
ON_BOTH=(sd tore esplora esplora+tore infsplign infsplign+tore infsplign-released attend-and-excite
    storm-released tenor revision)
ALL=("${ON_BOTH[@]}" storm-corrected)
NEAR=(sd infsplign infsplign-released)
CONTROLLED=(sd esplora attend-and-excite)
PROMPTS=40 # of VISOR; what ESPLoRA is worth is asked with 500
SIZES=(--batch-size 32)

held_out() { spatialbench lab held-out --limit "$1" | paste -sd,; }

train_esplora() {
    [ -e "$folder/set/lora/pytorch_lora_weights.safetensors" ] && return
    spatialbench esplora build-data --folder "$folder/set" --count 3000 --steps 10 --batch-size 32 \
        --format md >"$folder/build-data.md"
    spatialbench esplora train "$folder/set" --rank 64 --targets attention+ff --steps 800 \
        --batch-size 32 --learning-rate 5e-4 --object-weight 3
}

# The options that make a row of the tables.
options() {
    case "$1" in
    *+tore) options "${1%+tore}" && echo --prompt-transform tore ;;
    tore) options sd+tore ;;
    # At a scale of 1 the LoRA costs more objects: see README.md.
    esplora) echo --method esplora --set "lora=$folder/set/lora" --set scale=0.7 ;;
    *) echo --method "$1" ;;
    esac
}

run_method() {
    local method="$1" chosen
    case "$method" in esplora*) train_esplora ;; esac
    read -r -a chosen <<<"$(options "$method" | paste -sd' ')"
    spatialbench run "${chosen[@]}" --bench visor --only "$(held_out "$PROMPTS")" "${SIZES[@]}" \
        --out "$folder/visor/$method"
    case " ${ON_BOTH[*]} " in
    *" $method "*)
        spatialbench run "${chosen[@]}" --bench t2i-compbench --limit 25 --images-per-prompt 2 \
            "${SIZES[@]}" --out "$folder/t2i-compbench/$method"
        ;;
    esac
    case " ${NEAR[*]} " in
    *" $method "*)
        spatialbench run "${chosen[@]}" --bench t2i-compbench --only "near,next to,on side of" \
            --images-per-prompt 4 "${SIZES[@]}" --out "$folder/near/$method"
        ;;
    esac
    # TORE leaves these prompts as they are; InfSplign and STORM refuse them: no relation to act on.
    case " ${CONTROLLED[*]} " in
    *" $method "*)
        spatialbench run "${chosen[@]}" --bench geneval:all --only single_object,two_object \
            --limit 100 --images-per-prompt 2 "${SIZES[@]}" --out "$folder/control/$method"
        ;;
    esac
}

# A leaderboard of some runs, and what each is worth beside the first of them.
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

if [ "$#" -gt 0 ]; then
    for method in "$@"; do run_method "$method"; done
    exit
fi

for method in "${ALL[@]}"; do run_method "$method"; done
for method in sd esplora; do
    read -r -a chosen <<<"$(options "$method" | paste -sd' ')"
    spatialbench run "${chosen[@]}" --bench visor --only "$(held_out 500)" "${SIZES[@]}" \
        --out "$folder/visor-500/$method"
    spatialbench run "${chosen[@]}" --bench geneval:single_object "${SIZES[@]}" \
        --out "$folder/single-object/$method"
done

{
    printf '# Images of the training set: kept and rejected\n\n'
    printf '`spatialbench esplora build-data --count 3000 --steps 10` on the lab, rule `esplora-r1`.\n\n'
    cat "$folder/build-data.md"
} >"$here/esplora-build-data.md"
tables methods-visor "The methods on VISOR, $PROMPTS held-out prompts x 4" "${ALL[@]/#/$folder/visor/}"
tables methods-t2i-compbench "The methods on T2I-CompBench, 2D, 25 prompts x 2" \
    "${ON_BOTH[@]/#/$folder/t2i-compbench/}"
tables near "The 85 prompts of T2I-CompBench that ask for near, next to and on side of, x 4" \
    "${NEAR[@]/#/$folder/near/}"
tables methods-control "What a method costs where nothing is to be placed: GenEval's single and two objects" \
    "${CONTROLLED[@]/#/$folder/control/}"
tables esplora-visor "ESPLoRA on VISOR, 500 held-out prompts x 4" "$folder"/visor-500/{sd,esplora}
tables esplora-single-object "ESPLoRA on GenEval's single objects, 80 prompts x 4" \
    "$folder"/single-object/{sd,esplora}
