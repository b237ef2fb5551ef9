#!/bin/bash
# docs.sh SOURCE_DIR HOTPATCH: the documents agree with themselves and with the command: links lead somewhere, every reason
# code is in the guide with its sentence, every command and option in the man page, the version is one.
set -u
cd "${1:?usage: docs.sh SOURCE_DIR HOTPATCH}" || exit 2
hotpatch=${2:?usage: docs.sh SOURCE_DIR HOTPATCH}
failed=0
complain() {
    echo "docs: $1"
    failed=1
}

while IFS=: read -r file link; do
    target=${link%%#*}
    [ -z "$target" ] || [ -e "$(dirname "$file")/$target" ] || complain "$file: link to $link, which does not exist"
done < <(grep -oHE '\]\([^)]+\)' ./*.md docs/*.md | sed -E 's/\]\(//; s/\)$//' | grep -vE ':(https?|mailto):')

for code in $("$hotpatch" explain | grep -oE '\bR[0-9]{2}\b' | sort -u); do
    grep -q "^| $code |" docs/guide.md || complain "docs/guide.md lacks $code"
done

for command in ps status diff push revert log inspect eval explain help; do
    "$hotpatch" help "$command" >/dev/null || complain "hotpatch help $command fails"
    grep -qE "\b$command\b" docs/man/hotpatch.1 || complain "the man page lacks $command"
done
for option in $("$hotpatch" help push | grep -oE -- '--[a-z][a-z-]+' | sort -u); do
    grep -qE -- "${option#--}" docs/man/hotpatch.1 || complain "the man page lacks $option"
done

version=$(sed -nE 's/^project\(hotpatch VERSION ([0-9.]+).*/\1/p' CMakeLists.txt)
"$hotpatch" --version | grep -qF "$version" || complain "hotpatch --version does not say $version"
grep -qF "## $version" CHANGELOG.md || complain "CHANGELOG.md does not speak of $version"
exit $failed
