/* lun.h - devices for tests: opening, and a file LUN in shared memory. */
#pragma once

#include "suite.h"

#include <lunpath/device.h>
#include <lunpath/emul.h>

#include <glib/gstdio.h>
#include <string.h>

static inline LunDevice *
open_with (const LunDeviceConfig *config)
{
  g_autoptr (GError) error = NULL;
  LunDevice *device = lun_device_open (config, &error);

  ck_assert_msg (device != NULL, "%s", error ? error->message : "no error");
  return device;
}

static inline LunDevice *
open_device (const char *name)
{
  const char *const paths[] = { name, NULL };

  return open_with (&(LunDeviceConfig){ .paths = paths, .timeout_ms = 2000 });
}

static inline LunError
open_fails (const char *name, const char *why)
{
  const char *const paths[] = { name, NULL };
  g_autoptr (GError) error = NULL;

  ck_assert_ptr_null (lun_device_open (&(LunDeviceConfig){ .paths = paths }, &error));
  ck_assert_msg (strstr (error->message, why) != NULL, "%s", error->message);
  ck_assert (error->domain == LUN_ERROR);
  return (LunError) error->code;
}

/* ---- a file LUN ---- */

typedef struct {
  char *dir;
  char *image;
  char *name; /* "file:IMAGE" */
} FileLun;

static inline FileLun
file_lun_new (uint64_t size, uint32_t block_size)
{
  g_autoptr (GError) error = NULL;
  FileLun lun = { .dir = g_strdup ("/dev/shm/lunpath-XXXXXX") };

  ck_assert_ptr_nonnull (g_mkdtemp (lun.dir));
  lun.image = g_build_filename (lun.dir, "lun.img", NULL);
  lun.name = g_strconcat ("file:", lun.image, NULL);
  ck_assert_msg (lun_emul_create (lun.image, size, block_size, &error), "%s",
                 error ? error->message : "no error");
  return lun;
}

static inline void
file_lun_clear (FileLun *lun)
{
  g_autofree char *state = g_strconcat (lun->image, ".lun", NULL);

  g_unlink (lun->image);
  g_unlink (state);
  g_rmdir (lun->dir);
  g_free (lun->name);
  g_free (lun->image);
  g_free (lun->dir);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (FileLun, file_lun_clear)
