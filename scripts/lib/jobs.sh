# Sourced by scripts/test: runs its steps one by one, and leaves no process behind however it ends.
# shellcheck shell=bash

# Inherited by whatever a step starts, and how it is found again.
export ROOMSERVICE_RUN="$$.$(date +%s%N)"
running=''
results=()

# step NAME COMMAND…: runs it, shows and keeps its output in $step_log, ends the script when it fails.
step() {
    local name=$1
    shift
    step_log=$logs/step
    say "$name"
    # Job control gives the step a process group of its own: an interrupt reaches all of it, and our trap runs at once.
    set -m
    { as_builder "$@" 2>&1 | tee -i "$step_log"; } </dev/null &
    running=$!
    set +m
    wait "$running" || die "$name failed (see above)${results[*]:+; before it passed: $(list_results)}"
    running=''
}

passed() { results+=("$1: $2"); }

list_results() { printf '%s\n' "${results[@]}" | paste -sd ';' | sed 's/;/; /g'; }

summary() {
    local result
    for result in "${results[@]}"; do say "passed: $result"; done
}

# The processes of this run that still live. (Our own environment was set before the mark was.)
leftovers() {
    local file
    for file in /proc/[0-9]*/environ; do
        grep -qsz "^ROOMSERVICE_RUN=$ROOMSERVICE_RUN$" "$file" && printf '%s\n' "${file//[!0-9]/}"
    done
    return 0
}

# An interrupt first, as the test runners clean up after it; what stays after ten seconds is killed.
end_everything() {
    local status=$? deadline=$((SECONDS + 10)) pids
    trap '' INT TERM HUP
    [ -z "$running" ] || kill -INT -- "-$running" 2>/dev/null || true
    while pids=$(leftovers) && [ -n "$pids" ] && [ -n "$running" ] && [ $SECONDS -lt $deadline ]; do sleep 0.1; done
    if [ -n "$pids" ]; then
        # shellcheck disable=SC2086
        kill -KILL $pids 2>/dev/null || true
        if [ -z "$running" ]; then
            printf 'scripts/test: these were left running, and are killed now: %s\n' "${pids//$'\n'/ }" >&2
            status=1
        fi
    fi
    rm -rf "$logs"
    exit "$status"
}
trap end_everything EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
