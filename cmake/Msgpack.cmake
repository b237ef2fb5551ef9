# msgpack-c's CMake package was renamed at 6.0 (msgpack, then msgpackc, then msgpack-c); Debian 12 also ships msgpack.pc.
# All end up as hotpatch::msgpack. An imported target, so that the installed package can refer to it by name: this file is
# installed beside hotpatch-config.cmake and included there.
if(NOT TARGET hotpatch::msgpack)
  add_library(hotpatch::msgpack INTERFACE IMPORTED GLOBAL)
  find_package(msgpack-c CONFIG QUIET)
  if(TARGET msgpack-c)
    target_link_libraries(hotpatch::msgpack INTERFACE msgpack-c)
  else()
    find_package(PkgConfig REQUIRED)
    pkg_search_module(MSGPACK REQUIRED IMPORTED_TARGET GLOBAL msgpack-c msgpack)
    target_link_libraries(hotpatch::msgpack INTERFACE PkgConfig::MSGPACK)
  endif()
endif()
