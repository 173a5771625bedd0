# SPDX-License-Identifier: BSD-2-Clause
# find_package(usdt): probes of provider files in CMake projects.
#
#	usdt_add_provider(TARGET app.d)
#
# makes app.h, remakes it when app.d or a file that it includes changes, and adds its folder to
# TARGET's include path. Objects of dtrace -G are not needed: the header defines the semaphores.
# Sets USDT_DTRACE; usdt::sdt has the folder of <usdt/sdt.h>.
get_filename_component(_usdt_prefix "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)
find_program(USDT_DTRACE dtrace HINTS "${_usdt_prefix}/bin")
set(usdt_FOUND FALSE)
if(USDT_DTRACE)
	set(usdt_FOUND TRUE)
endif()

if(NOT TARGET usdt::sdt)
	add_library(usdt::sdt INTERFACE IMPORTED)
	find_path(USDT_INCLUDE_DIR usdt/sdt.h HINTS "${_usdt_prefix}/include")
	if(USDT_INCLUDE_DIR)
		set_target_properties(usdt::sdt PROPERTIES
			INTERFACE_INCLUDE_DIRECTORIES "${USDT_INCLUDE_DIR}")
	endif()
endif()

function(usdt_add_provider target script)
	get_filename_component(path "${script}" ABSOLUTE)
	get_filename_component(name "${script}" NAME_WE)
	set(header "${CMAKE_CURRENT_BINARY_DIR}/${name}.h")
	add_custom_command(OUTPUT "${header}"
		COMMAND "${USDT_DTRACE}" -h -C -MD -MF "${header}.dep" -s "${path}" -o "${header}"
		DEPENDS "${path}" DEPFILE "${header}.dep"
		COMMENT "Probes of ${script}" VERBATIM)
	target_sources(${target} PRIVATE "${header}")
	target_include_directories(${target} PRIVATE "${CMAKE_CURRENT_BINARY_DIR}")
endfunction()
