/* Where the cache is, whether it may be there, and the lock around opening and replacing it. */
#include "features/cache_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

tw_status tw_cache_folder(const char *folder, char **ret_folder, tw_error *error) {
  const char *base = getenv("XDG_CACHE_HOME"); /* a relative one is to be ignored (XDG Base Directory Specification) */
  const char *home = getenv("HOME");
  char *result;
  if (folder != NULL) {
    result = tw_strdup(folder);
  } else if (base != NULL && base[0] == '/') {
    result = tw_path_join(base, "topwork");
  } else if (home != NULL && home[0] == '/') {
    result = tw_path_join(home, ".cache/topwork");
  } else {
    return tw_error_set(error, TW_E_IO, "neither XDG_CACHE_HOME nor HOME says where the cache is");
  }
  if (result == NULL) {
    return tw_error_memory(error);
  }
  *ret_folder = result;
  return TW_OK;
}

/* ---- Network file systems ---------------------------------------------------------------------------------------- */

enum { FUSE_TYPE = 0x65735546 };

const char *tw_cache_remote_name(unsigned long type) {
  static const struct {
    unsigned long type;
    const char *name;
  } remote[] = {
      {0x6969, "NFS"},          {0xff534d42, "CIFS"},   {0xfe534d42, "SMB"},    {0x517b, "SMB"},
      {0x01021997, "9P"},       {0x5346414f, "AFS"},    {0x6b414653, "AFS"},    {0x73757245, "Coda"},
      {0x00c36400, "Ceph"},     {0x0bd00bd0, "Lustre"}, {0x47504653, "GPFS"},   {0x7461636f, "OCFS2"},
      {0x01161970, "GFS2"},     {0x564c, "NCP"},        {0x19830326, "BeeGFS"}, {0xaad7aaea, "PanFS"},
      {0x20030528, "OrangeFS"}, {0x786f4256, "vboxsf"}, {0xbacbacbc, "VMware"},
  };
  for (size_t i = 0; i < sizeof remote / sizeof *remote; i++) {
    if (remote[i].type == type) {
      return remote[i].name;
    }
  }
  return NULL;
}

/* Finds the line of /proc/self/mountinfo of the device and copies its file system's type; false when there is none.
 * The line: id parent major:minor root mount-point options [tags] - type source super-options (proc(5)). */
static bool mount_type(dev_t device, char type[64]) {
  FILE *file = fopen("/proc/self/mountinfo", "re");
  if (file == NULL) {
    return false;
  }
  char *line = NULL;
  size_t capacity = 0;
  bool found = false;
  while (!found && getline(&line, &capacity, file) > 0) {
    unsigned int major_number;
    unsigned int minor_number;
    const char *dash = strstr(line, " - ");
    found = sscanf(line, "%*d %*d %u:%u", &major_number, &minor_number) == 2 &&
            makedev(major_number, minor_number) == device && dash != NULL && sscanf(dash, " - %63s", type) == 1;
  }
  free(line);
  fclose(file);
  return found;
}

/* FUSE serves disks of this machine and far ones alike; only what is known to be local is trusted. */
static bool fuse_is_local(const char *folder) {
  static const char *const local[] = {
      "fuseblk",        "fuse.fuse-overlayfs", "fuse.ntfs-3g", "fuse.exfat", "fuse.mergerfs", "fuse.bindfs",
      "fuse.gocryptfs", "fuse.encfs",          "fuse.ext2fs",  "fuse.zfs",   "fuse.lxcfs",    "fuse.cryfs"};
  struct stat status;
  char type[64];
  if (stat(folder, &status) != 0 || !mount_type(status.st_dev, type)) {
    return false;
  }
  for (size_t i = 0; i < sizeof local / sizeof *local; i++) {
    if (strcmp(type, local[i]) == 0) {
      return true;
    }
  }
  return false;
}

const char *tw_cache_remote(const char *folder) {
  struct statfs status;
  if (statfs(folder, &status) != 0) {
    return NULL;
  }
  unsigned long type = (unsigned long)status.f_type & 0xffffffffu;
  if (type == FUSE_TYPE) {
    return fuse_is_local(folder) ? NULL : "FUSE";
  }
  return tw_cache_remote_name(type);
}

/* ---- The lock ---------------------------------------------------------------------------------------------------- */

int tw_cache_lock(const char *folder) {
  const int tries = 1000; /* 10 ms apart */
  char *path = tw_path_join(folder, "features.lock");
  int file = path == NULL ? -1 : open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (file < 0 && path != NULL) {
    file = open(path, O_RDONLY | O_CLOEXEC);
  }
  tw_free(path);
  if (file < 0) {
    return -1;
  }
  for (int i = 0; flock(file, LOCK_EX | LOCK_NB) != 0; i++) {
    if (errno != EWOULDBLOCK && errno != EINTR) {
      close(file);
      return -1;
    }
    if (i == tries) {
      close(file);
      return -2;
    }
    nanosleep(&(struct timespec){.tv_nsec = 10 * 1000 * 1000}, NULL);
  }
  return file;
}

void tw_cache_unlock(int lock) {
  if (lock >= 0) {
    close(lock);
  }
}
