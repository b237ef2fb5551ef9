#!/bin/bash
# lint.sh [--fix]: the layout of the C sources (clang-format), mistakes in them (clang-tidy), mistakes in the shell
# scripts (shellcheck). With --fix: only rewrites the layout. Names what is wrong; status 1 if anything is.
set -euo pipefail
cd "$(dirname "$0")/.."

mapfile -t sources < <(git ls-files --cached --others --exclude-standard -- '*.c' '*.h')
mapfile -t scripts < <(git ls-files --cached --others --exclude-standard -- '*.sh' .ci/run)

if [ "${1:-}" = --fix ]; then
    clang-format -i "${sources[@]}"
    exit 0
fi

status=0
echo "lint: layout of ${#sources[@]} C files"
clang-format --dry-run --Werror "${sources[@]}" || status=1

echo "lint: ${#scripts[@]} shell scripts"
shellcheck "${scripts[@]}" || status=1

# clang-tidy reads how each file is compiled from the build of preset dev.
tools/build.sh dev
mapfile -t units < <(git ls-files --cached --others --exclude-standard -- 'proto/*.c' 'agent/*.c' 'client/*.c')
echo "lint: clang-tidy on ${#units[@]} files"
printf '%s\0' "${units[@]}" | xargs -0 -n 4 -P "$(nproc)" clang-tidy -p build/dev --quiet 2>build/tidy.log || {
    grep -v 'warnings generated' build/tidy.log >&2 || true
    status=1
}
exit $status
