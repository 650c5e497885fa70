#include "fixture.h"

#include <lunpath/emul.h>

#include <fcntl.h>
#include <glib/gstdio.h>
#include <unistd.h>

void
lab_init (Lab *lab, unsigned n_devices, uint64_t size, uint32_t block_size)
{
  char template[] = "/dev/shm/fts-volume.XXXXXX";

  *lab = (Lab){ .n_devices = n_devices };
  lab->dir = g_strdup (g_mkdtemp (template));
  ck_assert_ptr_nonnull (lab->dir);
  for (unsigned i = 0; i < n_devices; i++) {
    g_autoptr (GError) error = NULL;
    lab->paths[i] = g_strdup_printf ("%s/lun%u.img", lab->dir, i);
    lun_emul_create (lab->paths[i], size, block_size, &error);
    lab_assert_ok (error);
  }
  lab->wish = (FtsFormatWish){ .name = "test",
                               .block_size = block_size,
                               .segment_bytes = 16384,
                               .entries = 4,
                               .connections = 3,
                               .hosts = 8,
                               .heartbeat_ms = 50,
                               .dead_ms = 300,
                               .io_timeout_ms = 100,
                               .lock_method = FTS_LOCK_CAW,
                               .volume_uuid = "0123456789abcde",
                               .seed = 0x1234567800000042 };
}

void
lab_clear (Lab *lab)
{
  GDir *dir = g_dir_open (lab->dir, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL) {
    g_autofree char *path = g_build_filename (lab->dir, name, NULL);
    g_unlink (path);
  }
  g_clear_pointer (&dir, g_dir_close);
  g_rmdir (lab->dir);
  g_free (lab->dir);
  for (unsigned i = 0; i < lab->n_devices; i++)
    g_free (lab->paths[i]);
}

static char *
path_of (const Lab *lab, unsigned index, const char *host)
{
  return g_strdup_printf ("%sfile:%s?host=%s%s%s",
                          lab->layers != NULL ? lab->layers : "", lab->paths[index],
                          host, lab->without != NULL ? "&without=" : "",
                          lab->without != NULL ? lab->without : "");
}

LunDevice *
lab_device (const Lab *lab, unsigned index, const char *host)
{
  g_autofree char *path = path_of (lab, index, host);
  g_autoptr (GError) error = NULL;
  LunDeviceConfig config = { .paths = (const char *const[]){ path, NULL } };
  LunDevice *device = lun_device_open (&config, &error);

  lab_assert_ok (error);
  return device;
}

void
lab_format (Lab *lab)
{
  g_autoptr (FtsFormatPlan) plan = NULL;
  g_autoptr (GError) error = NULL;
  LunDevice *devices[4];
  FtsFormatDevice facts[4];

  for (unsigned i = 0; i < lab->n_devices; i++) {
    devices[i] = lab_device (lab, i, "format");
    facts[i] = (FtsFormatDevice){ lun_device_facts (devices[i])->n_blocks,
                                  lun_device_facts (devices[i])->identity };
  }
  plan = fts_format_plan (&lab->wish, facts, lab->n_devices, &error);
  lab_assert_ok (error);
  fts_format_write (plan, devices, &error);
  lab_assert_ok (error);
  for (unsigned i = 0; i < lab->n_devices; i++)
    lun_device_close (devices[i]);
}

FtsVolume *
lab_open (const Lab *lab, const char *host, GError **error)
{
  char *devices[4] = { NULL };
  g_autofree char *master = path_of (lab, 0, host);
  FtsVolumeSpec spec = { .volume = master, .devices = devices };
  FtsVolume *volume;

  for (unsigned i = 1; i < lab->n_devices; i++)
    devices[i - 1] = path_of (lab, i, host);
  volume = fts_volume_open (&spec, error);
  for (unsigned i = 0; devices[i] != NULL; i++)
    g_free (devices[i]);
  return volume;
}

void
lab_poke (const Lab *lab, unsigned index, uint64_t offset, const void *bytes,
          size_t len)
{
  int fd = open (lab->paths[index], O_RDWR | O_CLOEXEC);

  ck_assert_int_ge (fd, 0);
  ck_assert_int_eq (pwrite (fd, bytes, len, (off_t) offset), (ssize_t) len);
  close (fd);
}

void
lab_peek (const Lab *lab, unsigned index, uint64_t offset, void *bytes, size_t len)
{
  int fd = open (lab->paths[index], O_RDONLY | O_CLOEXEC);

  ck_assert_int_ge (fd, 0);
  ck_assert_int_eq (pread (fd, bytes, len, (off_t) offset), (ssize_t) len);
  close (fd);
}
