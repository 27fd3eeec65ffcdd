#!/usr/bin/env bash
# Attend-and-Excite and both forms of STORM on the lab's transformer, beside sd and infsplign.
#
#     results/lab/mmdit-methods.sh FOLDER [PROCESSES]
#
# 100 held-out VISOR prompts x 4 images. FOLDER takes the runs; started again it goes on where it
# stopped. PROCESSES (1 where not given) work side by side, each on a part of the images.
set -eu
here="$(cd "$(dirname "$0")" && pwd)"
folder="${1:?usage: mmdit-methods.sh FOLDER [PROCESSES]}"
processes="${2:-1}"
methods=(sd attend-and-excite storm-corrected storm-released infsplign)
prompts="$(spatialbench lab held-out --limit 100 | paste -sd,)"
export OMP_NUM_THREADS=1

mkdir -p "$folder"
for method in "${methods[@]}"; do
    command=(spatialbench run --method "$method" --bench visor --backbone lab-mmdit --only "$prompts"
        --batch-size 32 --out "$folder/$method")
    if [ "$processes" -gt 1 ]; then
        parts=()
        for part in $(seq "$processes"); do
            "${command[@]}" --shard "$part/$processes" >"$folder/$method-$part.log" 2>&1 &
            parts+=("$!")
        done
        for part in "${parts[@]}"; do wait "$part"; done
    fi
    "${command[@]}"
done

{
    printf '# Attend-and-Excite and STORM on a transformer\n\n'
    printf '`lab-mmdit`, 100 held-out VISOR prompts x 4, the same seeds. Made by\n'
    printf '`results/lab/mmdit-methods.sh FOLDER`. Nothing of Attend-and-Excite and STORM was chosen on the lab'\''s\n'
    printf 'transformer but the blocks, 3 and 4, which are InfSplign'\''s. InfSplign'\''s weight was chosen on it too, on 90\n'
    printf 'other prompts ([mmdit.md](mmdit.md)): the others might gain by a search of their step sizes.\n\n'
    spatialbench leaderboard "${methods[@]/#/$folder/}" --price --no-published --format md
    printf '\n'
    spatialbench compare "${methods[@]/#/$folder/}" --flips 0 --format md
} >"$folder/mmdit-methods.md"
mv "$folder/mmdit-methods.md" "$here/mmdit-methods.md"
