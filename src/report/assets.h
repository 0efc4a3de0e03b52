/* Private to the floor `report`: the page's style and script, put into the program when it is built
 * (cmake/embed.cmake). The sources are in assets/. */
#ifndef TW_REPORT_ASSETS_H
#define TW_REPORT_ASSETS_H

#include <stddef.h>

extern const char tw_asset_report_css[];
extern const size_t tw_asset_report_css_size;
extern const char tw_asset_report_js[];
extern const size_t tw_asset_report_js_size;

#endif
