# What is installed, and where: the program, the library in both kinds with its headers and topwork.pc, the module, the
# trunks that ship, the papers. The program finds its files relative to itself, so the tree may be moved as a whole.
if(TARGET topwork_program)
  install(TARGETS topwork_program RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
install(TARGETS topwork topwork_shared
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
if(TARGET topwork_vips)
  install(TARGETS topwork_vips LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/topwork)
endif()
install(TARGETS topwork_cairo LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/topwork)
install(DIRECTORY include/topwork DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(DIRECTORY models DESTINATION ${CMAKE_INSTALL_DATADIR}/topwork)
install(FILES LICENSE NOTICE README.md CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR} OPTIONAL)
install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR} OPTIONAL FILES_MATCHING PATTERN "*.md")

# The prefix as seen from the folder of topwork.pc: an installation that was moved still describes itself.
file(RELATIVE_PATH TOPWORK_PC_PREFIX ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
configure_file(cmake/topwork.pc.in topwork.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/topwork.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
