/* fixture.h - a small formatted volume on file LUNs in /dev/shm, gone after the test. */
#pragma once

#include "volume/format.h"
#include "volume/volume.h"

#include "lib/suite.h"

typedef struct {
  char *dir;
  FtsFormatWish wish;
  unsigned n_devices;
  char *paths[4];      /* image files; [0] is the master */
  const char *without; /* features that the LUNs lack, as "caw:pr"; NULL: none */
  const char *layers;  /* before each path's name, as "trace(-)+"; NULL: none */
} Lab;

/* Directory and image files of SIZE bytes each, not formatted.  The wish has small times. */
void lab_init (Lab *lab, unsigned n_devices, uint64_t size, uint32_t block_size);
/* Formats as lab->wish says. */
void lab_format (Lab *lab);
void lab_clear (Lab *lab);

/* Opens a device as host HOST ("a", "b"). */
LunDevice *lab_device (const Lab *lab, unsigned index, const char *host);
FtsVolume *lab_open (const Lab *lab, const char *host, GError **error);

/* Changes bytes of the image behind the LUN's back. */
void lab_poke (const Lab *lab, unsigned index, uint64_t offset, const void *bytes,
               size_t len);
void lab_peek (const Lab *lab, unsigned index, uint64_t offset, void *bytes,
               size_t len);

#define lab_assert_ok(error) \
  ck_assert_msg ((error) == NULL, "%s", (error) ? (error)->message : "")
#define lab_assert_error(error, domain, code)                       \
  ck_assert_msg (g_error_matches ((error), (domain), (int) (code)), \
                 "expected error %d, got: %s", (int) (code),        \
                 (error) ? (error)->message : "none")
