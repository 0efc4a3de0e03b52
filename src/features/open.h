/* Floor `features`, private: opening a file whatever the length of its path. */
#ifndef TW_FEATURES_OPEN_H
#define TW_FEATURES_OPEN_H

/* open(2) with O_CLOEXEC, O_NOCTTY and O_NONBLOCK added (a pipe never blocks), for paths longer than PATH_MAX too:
 * those are opened folder by folder. -1 with errno set on failure. */
int tw_open_any(const char *path, int flags);

#endif
