# hotpatch_warnings(target): the warnings that every line of ours is clean under.
function(hotpatch_warnings target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror)
endfunction()
