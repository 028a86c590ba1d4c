# SPDX-License-Identifier: MIT
# The package that find_package(chg [COMPONENTS formats run tokenizer text_task]) reads.
include(CMakePackageConfigHelpers)

set(chg_package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/chg")
configure_package_config_file("${CMAKE_CURRENT_LIST_DIR}/chg-config.cmake.in" chg-config.cmake INSTALL_DESTINATION "${chg_package_dir}")
write_basic_package_version_file(chg-config-version.cmake COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/chg-config.cmake" "${CMAKE_CURRENT_BINARY_DIR}/chg-config-version.cmake"
              "${CMAKE_CURRENT_LIST_DIR}/FindOniguruma.cmake"
        DESTINATION "${chg_package_dir}")

install(TARGETS chg EXPORT chg-targets FILE_SET HEADERS)
install(EXPORT chg-targets NAMESPACE chg:: DESTINATION "${chg_package_dir}")
get_property(chg_optional_rooms GLOBAL PROPERTY CHG_OPTIONAL_ROOMS)
foreach(room IN LISTS chg_optional_rooms)
  install(TARGETS chg_${room} EXPORT chg-${room}-targets FILE_SET HEADERS)
  install(EXPORT chg-${room}-targets NAMESPACE chg:: DESTINATION "${chg_package_dir}")
endforeach()

install(FILES LICENSE DESTINATION "${CMAKE_INSTALL_DATADIR}/doc/chg")
install(DIRECTORY examples/models/teaching DESTINATION "${CMAKE_INSTALL_DATADIR}/chg/models"
        FILES_MATCHING PATTERN "*.json" PATTERN "*.safetensors")
