# fish completion for hotpatch. Names are checked against the program by tests/client/test_docs.c.

set -l all ps status diff push revert confirm log inspect verify eval bundle sign audit explain help
set -l targeted status diff push revert confirm log inspect verify eval
set -l several status diff push revert confirm verify
set -l patching diff push
set -l deciding diff push bundle
set -l changing diff push revert

function __hotpatch_agents --argument-names column
    hotpatch ps --timeout 1 2>/dev/null | awk -v column=$column 'NR > 1 { print $column }'
end

complete -c hotpatch -n __fish_use_subcommand -f -a ps -d 'the agents of this machine'
complete -c hotpatch -n __fish_use_subcommand -f -a status -d 'one agent, and when it last polled'
complete -c hotpatch -n __fish_use_subcommand -f -a diff -d 'what a push would do; changes nothing'
complete -c hotpatch -n __fish_use_subcommand -f -a push -d 'replace modules, keeping their state'
complete -c hotpatch -n __fish_use_subcommand -f -a revert -d 'undo the last patch, or down to one'
complete -c hotpatch -n __fish_use_subcommand -f -a confirm -d 'keep a provisional patch'
complete -c hotpatch -n __fish_use_subcommand -f -a log -d 'patches applied and reverted'
complete -c hotpatch -n __fish_use_subcommand -f -a inspect -d 'live functions and their upvalues'
complete -c hotpatch -n __fish_use_subcommand -f -a verify -d 'is what runs what the source says?'
complete -c hotpatch -n __fish_use_subcommand -f -a eval -d 'run code in the server'
complete -c hotpatch -n __fish_use_subcommand -f -a bundle -d 'make one file of a patch'
complete -c hotpatch -n __fish_use_subcommand -f -a sign -d 'sign a bundle'
complete -c hotpatch -n __fish_use_subcommand -f -a audit -d 'check an audit file'
complete -c hotpatch -n __fish_use_subcommand -f -a explain -d 'what a code means'
complete -c hotpatch -n __fish_use_subcommand -f -a help -d 'about a command'
complete -c hotpatch -n __fish_use_subcommand -l version -d 'version'

complete -c hotpatch -n "__fish_seen_subcommand_from $targeted" -x -l pid -a '(__hotpatch_agents 1)' -d 'the agent of this process'
complete -c hotpatch -n "__fish_seen_subcommand_from $targeted" -x -l name -a '(__hotpatch_agents 2)' -d 'the agent of this name'
complete -c hotpatch -n "__fish_seen_subcommand_from $targeted" -x -l to -d 'the agent at this URL'
complete -c hotpatch -n "__fish_seen_subcommand_from $several" -r -l targets -d 'several agents, one a line'
complete -c hotpatch -n "__fish_seen_subcommand_from $several" -x -l canary -d 'these first'
complete -c hotpatch -n "__fish_seen_subcommand_from $several" -x -l batch -d 'so many at a time'
complete -c hotpatch -n "__fish_seen_subcommand_from $several" -x -l max-fail -d 'no further batch when more failed'
complete -c hotpatch -n "__fish_seen_subcommand_from $several inspect eval" -l progress -d 'lines on standard error tell how it goes'
complete -c hotpatch -n "__fish_seen_subcommand_from $targeted" -x -l state -d 'which Lua state'
complete -c hotpatch -n "__fish_seen_subcommand_from $targeted" -r -l tls-ca -d 'authority of the certificate of the agent'
complete -c hotpatch -n "__fish_seen_subcommand_from $targeted" -r -l tls-cert -d 'your own certificate'
complete -c hotpatch -n "__fish_seen_subcommand_from $targeted" -r -l tls-key -d 'key of your certificate'

complete -c hotpatch -n "__fish_seen_subcommand_from $deciding verify" -x -s m -l module -d 'the next file replaces this module'
complete -c hotpatch -n "__fish_seen_subcommand_from $deciding" -r -l base -d 'the source that runs now'
complete -c hotpatch -n "__fish_seen_subcommand_from $deciding verify" -x -l git -d 'the source that runs now is of this commit; A..B: all that changed'
complete -c hotpatch -n "__fish_seen_subcommand_from $patching verify" -x -l root -d 'where the work tree is on the server'
complete -c hotpatch -n "__fish_seen_subcommand_from $deciding" -x -l effects -a 'none new' -d 'perform calls that only the new body makes'
complete -c hotpatch -n "__fish_seen_subcommand_from $deciding" -x -l merge -a 'keep three-way' -d 'plain values that the source changed'
complete -c hotpatch -n "__fish_seen_subcommand_from $deciding" -l all -d 'the source wins on every function field'
complete -c hotpatch -n "__fish_seen_subcommand_from $deciding" -l prune -d 'remove what the new source lacks'
complete -c hotpatch -n "__fish_seen_subcommand_from $deciding" -x -l function -d 'change only this function'
complete -c hotpatch -n "__fish_seen_subcommand_from $deciding" -x -l refs -a 'heap module' -d 'where to look for holders'
complete -c hotpatch -n "__fish_seen_subcommand_from $deciding" -l strict -d 'warnings are refusals'
complete -c hotpatch -n "__fish_seen_subcommand_from $deciding" -x -l expect-version -d 'refuse unless VERSION equals'
complete -c hotpatch -n "__fish_seen_subcommand_from push" -x -l confirm-within -d 'reverted unless confirmed in time'
complete -c hotpatch -n "__fish_seen_subcommand_from push" -x -l guard -a 'errors\<1%' -d 'reverted when its functions raise more'
complete -c hotpatch -n "__fish_seen_subcommand_from diff" -l exit-code -d 'end with 2 where there are differences'

complete -c hotpatch -n "__fish_seen_subcommand_from $changing bundle" -x -l accept -d 'a refusal that was read'
complete -c hotpatch -n "__fish_seen_subcommand_from $changing" -l atomic -d 'everything in one stop'
complete -c hotpatch -n "__fish_seen_subcommand_from $changing" -x -l max-pause -d 'longest single stop, ms'
complete -c hotpatch -n "__fish_seen_subcommand_from $changing" -x -l search-limit -d 'longest search for other holders'
complete -c hotpatch -n "__fish_seen_subcommand_from $changing bundle" -x -l message -d 'why, for the log'
complete -c hotpatch -n "__fish_seen_subcommand_from $changing inspect verify eval" -x -l id -d 'a repeated id gets the first answer'

complete -c hotpatch -n "__fish_seen_subcommand_from $patching" -r -l signature -d 'of a bundle'
complete -c hotpatch -n "__fish_seen_subcommand_from bundle sign" -r -s o -l output -d 'the file to make'
complete -c hotpatch -n "__fish_seen_subcommand_from bundle" -x -l series -d 'what the bundle belongs to'
complete -c hotpatch -n "__fish_seen_subcommand_from bundle" -x -l created -d 'the time of its making'
complete -c hotpatch -n "__fish_seen_subcommand_from bundle" -x -l expires -d 'no server takes it after this time'
complete -c hotpatch -n "__fish_seen_subcommand_from bundle" -x -l author -d 'who made it'
complete -c hotpatch -n "__fish_seen_subcommand_from sign" -r -s k -l key -d 'a secret key of minisign'
complete -c hotpatch -n "__fish_seen_subcommand_from sign" -r -l password-file -d 'password of the key'

complete -c hotpatch -n "__fish_seen_subcommand_from eval" -x -s e -l execute -d 'the code to run'
complete -c hotpatch -n "__fish_seen_subcommand_from $all" -x -l timeout -d 'what has not started by then never starts'
complete -c hotpatch -n "__fish_seen_subcommand_from $all" -x -l format -a 'text json msgpack' -d 'how to print the report'
complete -c hotpatch -n "__fish_seen_subcommand_from $all" -s q -l quiet -d 'no text where all went well'
complete -c hotpatch -n "__fish_seen_subcommand_from $all" -s h -l help -d 'help of the command'
