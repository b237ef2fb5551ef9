# HOTPATCH_SANITIZE reaches every target of the tree, so it comes before the first add_subdirectory. A finding ends the
# program: a test that only prints one would pass.
if(HOTPATCH_SANITIZE)
  add_compile_options(-fsanitize=${HOTPATCH_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer -g)
  add_link_options(-fsanitize=${HOTPATCH_SANITIZE})
endif()
