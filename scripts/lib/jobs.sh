# Sourced by scripts/test and scripts/chaos: runs their steps one by one, and leaves no process behind however it ends.
# shellcheck shell=bash

# Inherited by whatever a step starts, and how it is found again.
export ROOMSERVICE_RUN="$$.$(date +%s%N)"
running=''
results=()

# step NAME COMMAND…: runs it, shows and keeps its output in $step_log, ends the script when it fails.
step() {
    local name=$1 shown status=0
    shift
    step_log=$logs/${name// /-}
    say "$name"
    : >"$step_log"
    # In the background, so that a signal to the script is not held back until the step ends; and into a file, as a pipe
    # would be held open by whatever the step leaves behind.
    "${builder[@]}" "$@" >"$step_log" 2>&1 </dev/null &
    running=$!
    env -u ROOMSERVICE_RUN tail --follow --lines=+1 --sleep-interval=0.1 --pid="$running" "$step_log" &
    shown=$!
    wait "$running" || status=$?
    running=''
    wait "$shown"
    # A failure is told once more at the end: in the log it stands among thousands of lines.
    [ "$status" -eq 0 ] || grep -aE 'recorded an issue|^(FAILED|ERROR) ' "$step_log" | cut -c 1-300 | head -20 >&2 || true
    [ "$status" -eq 0 ] || die "$name failed${results[*]:+; before it passed: $(list_results)}"
}

# swift_step NAME COMMAND…: a step in which Swift builds or tests.
swift_step() {
    # Swift leaves empty folders where it keeps what is temporary. Another user could not use ours.
    [ ${#builder[@]} -gt 0 ] || local -x TMPDIR=$logs
    step "$@"
}

passed() { results+=("$1: $2"); }

# What the last step's `swift test` says of itself.
swift_result() { sed -n 's/.*Test run with \(.*\) passed after \(.*\) seconds.*/\1 in \2 s/p' "$step_log"; }

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

# The step that runs gets the time to clean up after itself; what it leaves is ended, and what does not end is killed.
end_everything() {
    local status=$? deadline=$((SECONDS + 10)) pids
    trap '' INT TERM HUP
    [ -z "$running" ] || kill "$running" 2>/dev/null || true
    while pids=$(leftovers) && [ -n "$pids" ] && [ $SECONDS -lt $deadline ]; do
        # shellcheck disable=SC2086
        [ -z "$running" ] || kill -0 "$running" 2>/dev/null || kill $pids 2>/dev/null || true
        sleep 0.1
    done
    if [ -n "$pids" ]; then
        # shellcheck disable=SC2086
        kill -KILL $pids 2>/dev/null || true
        if [ -z "$running" ]; then
            printf '%s: these were left running, and are killed now: %s\n' "scripts/$(basename "$0")" "${pids//$'\n'/ }" >&2
            status=1
        fi
    fi
    rm -rf "$logs"
    exit "$status"
}
trap end_everything EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
