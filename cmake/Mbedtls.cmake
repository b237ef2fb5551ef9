# mbed TLS as hotpatch::mbedtls: it reads certificates here; nng does TLS with it. Its own CMake package came with 3.0; Debian
# 12 has 2.28, the libraries alone. An imported target, so that the installed package can refer to it by name: this file is
# installed beside hotpatch-config.cmake and included there.
if(NOT TARGET hotpatch::mbedtls)
  find_path(HOTPATCH_MBEDTLS_INCLUDE mbedtls/ssl.h REQUIRED)
  find_library(HOTPATCH_MBEDTLS_LIBRARY mbedtls REQUIRED)
  find_library(HOTPATCH_MBEDX509_LIBRARY mbedx509 REQUIRED)
  find_library(HOTPATCH_MBEDCRYPTO_LIBRARY mbedcrypto REQUIRED)
  mark_as_advanced(HOTPATCH_MBEDTLS_INCLUDE HOTPATCH_MBEDTLS_LIBRARY HOTPATCH_MBEDX509_LIBRARY HOTPATCH_MBEDCRYPTO_LIBRARY)
  add_library(hotpatch::mbedtls INTERFACE IMPORTED GLOBAL)
  target_include_directories(hotpatch::mbedtls INTERFACE ${HOTPATCH_MBEDTLS_INCLUDE})
  target_link_libraries(hotpatch::mbedtls INTERFACE
    ${HOTPATCH_MBEDTLS_LIBRARY} ${HOTPATCH_MBEDX509_LIBRARY} ${HOTPATCH_MBEDCRYPTO_LIBRARY})
endif()
