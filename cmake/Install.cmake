# What `cmake --install` puts where. The layout is the contract's, section 1; tests/install checks that it is usable.
include(CMakePackageConfigHelpers)

# Where `require` looks: with the prefix /usr/local (or /usr on Debian) this is on the stock interpreter's package.cpath.
set(HOTPATCH_INSTALL_LUA_CMOD "${CMAKE_INSTALL_LIBDIR}/lua/5.4" CACHE STRING "Folder of hotpatch.so, below the prefix")
set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/hotpatch")

install(TARGETS hotpatch RUNTIME)
install(TARGETS hotpatch_module LIBRARY DESTINATION "${HOTPATCH_INSTALL_LUA_CMOD}")
install(TARGETS hotpatch_shared hotpatch_static EXPORT hotpatch-targets LIBRARY ARCHIVE)
install(FILES agent/include/hotpatch/hotpatch.h DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/hotpatch")

install(EXPORT hotpatch-targets NAMESPACE hotpatch:: DESTINATION "${package_dir}")
configure_package_config_file(cmake/hotpatch-config.cmake.in hotpatch-config.cmake INSTALL_DESTINATION "${package_dir}")
write_basic_package_version_file(hotpatch-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/hotpatch-config.cmake" "${CMAKE_CURRENT_BINARY_DIR}/hotpatch-config-version.cmake"
              cmake/Msgpack.cmake
              cmake/Mbedtls.cmake
        DESTINATION "${package_dir}")

# The .pc file finds the prefix from where it lies, so that an installed tree can be moved.
file(RELATIVE_PATH prefix_from_pc "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
string(REGEX REPLACE "/$" "" prefix_from_pc "${prefix_from_pc}")
configure_file(cmake/hotpatch.pc.in hotpatch.pc @ONLY)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/hotpatch.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")

install(FILES docs/man/hotpatch.1 DESTINATION "${CMAKE_INSTALL_MANDIR}/man1")
# For `roles_path`, with an inventory and a playbook to begin with.
install(DIRECTORY ansible DESTINATION "${CMAKE_INSTALL_DATADIR}/hotpatch" PATTERN "__pycache__" EXCLUDE)
install(FILES cmake/completions/hotpatch.bash DESTINATION "${CMAKE_INSTALL_DATADIR}/bash-completion/completions" RENAME hotpatch)
install(FILES cmake/completions/_hotpatch DESTINATION "${CMAKE_INSTALL_DATADIR}/zsh/site-functions")
install(FILES cmake/completions/hotpatch.fish DESTINATION "${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d")
install(FILES README.md CHANGELOG.md LICENSE docs/design.md docs/guide.md docs/embedding.md docs/protocol.md docs/ci.md docs/security.md
        DESTINATION "${CMAKE_INSTALL_DOCDIR}")
install(FILES examples/ci/github-actions.yml examples/ci/gitlab-ci.yml DESTINATION "${CMAKE_INSTALL_DOCDIR}/examples/ci")
install(FILES docs/report.schema.json DESTINATION "${CMAKE_INSTALL_DATADIR}/hotpatch")
