# The libraries of the command as archives, in hotpatch_archives; empty where they do not do. The command is then one file
# that starts in half the time (a dozen libraries need not be found and bound) and runs where none of them is installed. Only
# the C library stays shared. Whether the archives fit together is tried, since each distribution builds them its own way.
# Under the sanitizers the libraries stay shared: what is left out there is named by the library it is in.
option(HOTPATCH_ARCHIVES "Link the libraries of the command into it, where their archives are installed" ON)
set(hotpatch_archives "")
if(HOTPATCH_ARCHIVES AND NOT HOTPATCH_SANITIZE)
  include(CheckCSourceCompiles)
  foreach(library nng msgpackc sodium mbedtls mbedx509 mbedcrypto jansson lua5.4)
    find_library(HOTPATCH_ARCHIVE_${library} NAMES lib${library}.a)
    mark_as_advanced(HOTPATCH_ARCHIVE_${library})
    list(APPEND hotpatch_archives "${HOTPATCH_ARCHIVE_${library}}")
  endforeach()
  set(CMAKE_REQUIRED_LIBRARIES ${hotpatch_archives} Threads::Threads m)
  check_c_source_compiles("
    char nng_req0_open(), nng_tls_config_alloc(), msgpack_unpack_next(), crypto_sign_verify_detached(), mbedtls_ssl_setup(),
         json_dumpb(), luaL_newstate();
    int main(void)
    {
        return nng_req0_open() + nng_tls_config_alloc() + msgpack_unpack_next() + crypto_sign_verify_detached() +
               mbedtls_ssl_setup() + json_dumpb() + luaL_newstate();
    }" HOTPATCH_ARCHIVES_LINK)
  unset(CMAKE_REQUIRED_LIBRARIES)
  if(NOT HOTPATCH_ARCHIVES_LINK)
    set(hotpatch_archives "")
  endif()
endif()
