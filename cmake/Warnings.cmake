# hotpatch_warnings(target): the warnings that every line of ours is clean under. They are errors for those who work on
# hotpatch; in a release build, which meets compilers that we have not seen, they only warn.
option(HOTPATCH_WERROR "Treat warnings as errors" ON)
function(hotpatch_warnings target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wconversion)
  if(HOTPATCH_WERROR)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
endfunction()
