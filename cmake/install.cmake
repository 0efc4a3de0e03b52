# What is installed, and where: the program, the library in both kinds with its headers and topwork.pc, the modules, the
# trunks that ship, the papers. The program finds its files relative to itself, so the tree may be moved as a whole.
if(TARGET topwork_program)
  install(TARGETS topwork_program RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
install(TARGETS topwork ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
set_target_properties(topwork_shared PROPERTIES EXPORT_NAME topwork)
install(TARGETS topwork_shared EXPORT topwork-targets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
        INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
if(TARGET topwork_vips)
  install(TARGETS topwork_vips LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/topwork)
endif()
install(TARGETS topwork_cairo topwork_xlsx topwork_pull LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/topwork)
install(DIRECTORY include/topwork DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(DIRECTORY models DESTINATION ${CMAKE_INSTALL_DATADIR}/topwork)
install(FILES LICENSE NOTICE README.md CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR} OPTIONAL)
install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR} OPTIONAL FILES_MATCHING PATTERN "*.md")

install(DIRECTORY examples/ DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples FILES_MATCHING PATTERN "*.c")

# What a program needs beside the archive. Users of the shared library need none of it, so neither topwork.pc nor the
# CMake package asks for these libraries' own descriptions.
set(TOPWORK_STATIC_LIBRARIES dnnl -l:libgomp.so.1 jpeg png jansson xxhash lmdb m ${CMAKE_DL_LIBS})
list(TRANSFORM TOPWORK_STATIC_LIBRARIES REPLACE "^([^-].*)" "-l\\1" OUTPUT_VARIABLE TOPWORK_PC_STATIC)
list(JOIN TOPWORK_PC_STATIC " " TOPWORK_PC_STATIC)

# The prefix as seen from the folder of topwork.pc: an installation that was moved still describes itself.
file(RELATIVE_PATH TOPWORK_PC_PREFIX ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
configure_file(cmake/topwork.pc.in topwork.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/topwork.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

# find_package(topwork).
include(CMakePackageConfigHelpers)
set(TOPWORK_CMAKE_FOLDER ${CMAKE_INSTALL_LIBDIR}/cmake/topwork)
configure_package_config_file(cmake/topwork-config.cmake.in topwork-config.cmake
                              INSTALL_DESTINATION ${TOPWORK_CMAKE_FOLDER}
                              PATH_VARS CMAKE_INSTALL_LIBDIR CMAKE_INSTALL_INCLUDEDIR)
write_basic_package_version_file(topwork-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/topwork-config.cmake ${CMAKE_CURRENT_BINARY_DIR}/topwork-config-version.cmake
        DESTINATION ${TOPWORK_CMAKE_FOLDER})
install(EXPORT topwork-targets NAMESPACE topwork:: DESTINATION ${TOPWORK_CMAKE_FOLDER})
