#!/usr/bin/env bash
# Installs dactl from the commit of the action, with pinned dependencies, into an environment of its own.
set -euo pipefail

actions=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
environment="$RUNNER_TEMP/docassemble-client"
"${PYTHON:-python3}" -m venv "$environment"
scripts="$environment/bin"
if [ -d "$environment/Scripts" ]; then # on Windows
  scripts="$environment/Scripts"
fi
"$scripts/python" -m pip install --quiet --disable-pip-version-check --require-hashes --requirement "$actions/requirements.txt"
"$scripts/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation "$actions/.."
echo "$scripts" >> "$GITHUB_PATH"
