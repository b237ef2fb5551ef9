# bash completion for hotpatch. Names are checked against the program by tests/client/test_docs.c.

_hotpatch_commands="ps status diff push revert confirm log inspect verify eval bundle sign audit explain help"
_hotpatch_everywhere="--timeout --format --quiet --help"
_hotpatch_target="--pid --name --to --state --tls-ca --tls-cert --tls-key"
_hotpatch_several="--targets --canary --batch --max-fail --progress"
_hotpatch_changing="--accept --atomic --max-pause --search-limit --message --id"
_hotpatch_patching="--module --base --git --root --effects --merge --all --prune --function --refs --strict --expect-version"

_hotpatch_options()
{
    case $1 in
    ps | audit | explain | help) echo "$_hotpatch_everywhere" ;;
    status | confirm) echo "$_hotpatch_target $_hotpatch_several $_hotpatch_everywhere" ;;
    log) echo "$_hotpatch_target $_hotpatch_everywhere" ;;
    diff) echo "$_hotpatch_target $_hotpatch_several $_hotpatch_patching $_hotpatch_changing --signature --exit-code $_hotpatch_everywhere" ;;
    push) echo "$_hotpatch_target $_hotpatch_several $_hotpatch_patching $_hotpatch_changing --signature --confirm-within --guard $_hotpatch_everywhere" ;;
    revert) echo "$_hotpatch_target $_hotpatch_several $_hotpatch_changing $_hotpatch_everywhere" ;;
    inspect) echo "$_hotpatch_target --id --progress $_hotpatch_everywhere" ;;
    verify) echo "$_hotpatch_target $_hotpatch_several --module --git --root --id $_hotpatch_everywhere" ;;
    bundle) echo "--output --series --created --expires --author --accept --message $_hotpatch_patching $_hotpatch_everywhere" ;;
    sign) echo "--key --output --password-file $_hotpatch_everywhere" ;;
    eval) echo "$_hotpatch_target --execute --id --progress $_hotpatch_everywhere" ;;
    esac
}

# The pids or names of running agents.
_hotpatch_agents()
{
    hotpatch ps --timeout 1 2>/dev/null | awk -v column="$1" 'NR > 1 { print $column }'
}

_hotpatch()
{
    local cur prev command
    cur=${COMP_WORDS[COMP_CWORD]}
    prev=${COMP_WORDS[COMP_CWORD - 1]}
    command=${COMP_WORDS[1]}
    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        COMPREPLY=($(compgen -W "$_hotpatch_commands --version --help" -- "$cur"))
        return
    fi
    case $prev in
    --format) COMPREPLY=($(compgen -W "text json msgpack" -- "$cur")) && return ;;
    --effects) COMPREPLY=($(compgen -W "none new" -- "$cur")) && return ;;
    --merge) COMPREPLY=($(compgen -W "keep three-way" -- "$cur")) && return ;;
    --refs) COMPREPLY=($(compgen -W "heap module" -- "$cur")) && return ;;
    --pid) COMPREPLY=($(compgen -W "$(_hotpatch_agents 1)" -- "$cur")) && return ;;
    --name) COMPREPLY=($(compgen -W "$(_hotpatch_agents 2)" -- "$cur")) && return ;;
    --accept) COMPREPLY=($(compgen -W "R02 R03 R04 R05 R06 R07 R08 R09 R10 R11 R12 R13 R16 R18 R19 R20" -- "$cur")) && return ;;
    --git) COMPREPLY=($(compgen -W "$(git for-each-ref --format='%(refname:short)' 2>/dev/null) HEAD" -- "$cur")) && return ;;
    esac
    if [[ $cur == -* ]]; then
        COMPREPLY=($(compgen -W "$(_hotpatch_options "$command")" -- "$cur"))
        return
    fi
    case $command in
    help) COMPREPLY=($(compgen -W "$_hotpatch_commands" -- "$cur")) ;;
    explain) COMPREPLY=($(compgen -W "$(hotpatch explain 2>/dev/null | awk '/^  [Ra-z]/ { print $1 }')" -- "$cur")) ;;
    *)
        # MODULE=FILE: bash has split at the = already
        [ "$cur" = "=" ] && cur=
        COMPREPLY=($(compgen -f -- "$cur"))
        ;;
    esac
}

complete -o filenames -o bashdefault -F _hotpatch hotpatch
