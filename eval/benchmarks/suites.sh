#!/bin/sh
# Runs every suite behind the table of eval/results/README.md, with one binary, one after the other.
#
#     eval/benchmarks/suites.sh TENON DATA OUT [SUITE ...]
#
# TENON is the binary; DATA holds humaneval/, humaneval-infilling/ and mbpp/ as they are published; OUT receives a file for
# each run. Without names every suite runs, which takes about four hours on two cores: leave the machine alone meanwhile.
# What was interrupted continues when the same command is given again.
set -eu

if [ $# -lt 3 ]; then
    sed -n '2,8s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
tenon=$1 data=$2 out=$3
shift 3
[ $# -gt 0 ] || set -- humaneval-verified-cascade repo-verified-cascade mbpp-verified-cascade humaneval-raw-0.5b \
    humaneval-raw-1.5b humaneval-verified-0.5b humaneval-verified-1.5b mbpp-raw-1.5b infilling-0.5b infilling-1.5b \
    infilling-verified-0.5b infilling-verified-1.5b
mkdir -p "$out"

small=qwen2.5-coder-0.5b large=qwen2.5-coder-1.5b
# Ten tasks write in one batch, which halves the time; places for all of them.
export TENON_PARALLEL=12

run() {
    name=$1
    shift
    echo "== $name, $(date -u +%H:%M)" >&2
    "$tenon" eval run "$@" --jobs 10 --max-time 15m --out "$out/$name.jsonl"
}

for suite in "$@"; do
    case $suite in
        humaneval-*) set -- "$data/humaneval/HumanEval.jsonl.gz" --format humaneval ;;
        mbpp-*) set -- "$data/mbpp/mbpp.jsonl" --format mbpp --ids 11-110 ;;
        infilling-*) set -- "$data/humaneval-infilling/HumanEval-SingleLineInfilling.jsonl.gz" --format humaneval-infilling --limit 200 ;;
        repo-*) set -- eval/suites/repo.jsonl --format repo ;;
        *)
            echo "$0: no suite is called \`$suite\`" >&2
            exit 2
            ;;
    esac
    case $suite in
        infilling-verified-*) set -- "$@" --mode verified ;;
        *-raw-* | infilling-*) set -- "$@" --mode raw ;;
        *) set -- "$@" --mode verified ;;
    esac
    case $suite in
        *-cascade) set -- "$@" --model "$small,$large" ;;
        *-0.5b) set -- "$@" --model "$small" ;;
        *-1.5b) set -- "$@" --model "$large" ;;
    esac
    run "$suite" "$@"
done
