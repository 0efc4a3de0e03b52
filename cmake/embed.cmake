# Writes FILES (a list, separated by commas) as C arrays into OUTPUT: report.css becomes `tw_asset_report_css`, ended by a
# NUL that its `_size` does not count. Run as a script: cmake -DFILES=... -DOUTPUT=... -P embed.cmake
string(REPLACE "," ";" FILES "${FILES}")
set(text "/* Made from files of src/report/assets by cmake/embed.cmake. */\n#include \"report/assets.h\"\n")
foreach(file ${FILES})
  get_filename_component(name ${file} NAME)
  string(MAKE_C_IDENTIFIER ${name} name)
  file(READ ${file} bytes HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
  string(REGEX REPLACE "(................................................................................)" "\\1\n"
         bytes "${bytes}")
  string(APPEND text "const char tw_asset_${name}[] = {\n${bytes}0};\n"
         "const size_t tw_asset_${name}_size = sizeof tw_asset_${name} - 1;\n")
endforeach()
file(WRITE ${OUTPUT} "${text}")
