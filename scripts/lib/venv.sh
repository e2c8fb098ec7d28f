# Sourced by the scripts that run Python: makes .venv with what Tests/EndToEnd/requirements.txt names.
# Silent when it is there already.
# shellcheck shell=bash

requirements=Tests/EndToEnd/requirements.txt
if ! cmp -s "$requirements" .venv/installed.txt; then
    say "installing into .venv with pip: $(grep -o '^[a-z0-9-]\+\(\[[a-z0-9,-]*\]\)\?==[^ ]*' "$requirements" | paste -sd ' ')"
    rm -rf .venv
    as_builder /usr/bin/python3 -m venv .venv >"$logs/pip" 2>&1 \
        || die_with_log "$logs/pip" "could not make .venv (python3's last words are above)"
    as_builder .venv/bin/pip install --quiet --disable-pip-version-check --no-input -r "$requirements" \
        >"$logs/pip" 2>&1 </dev/null \
        || die_with_log "$logs/pip" "pip could not install $requirements (its last words are above)"
    as_builder cp "$requirements" .venv/installed.txt
fi
