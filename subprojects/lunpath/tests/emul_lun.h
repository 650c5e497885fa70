/* emul_lun.h - a fresh emulated LUN in shared memory for one test.
 *
 *   g_auto (TestLun) lun = test_lun_new (4096);
 *   LunEmulNexus *a = test_nexus (&lun, "a");
 */
#pragma once

#include "base/be.h"
#include "base/pr.h"
#include "suite.h"

#include <lunpath/emul.h>

#include <glib/gstdio.h>
#include <string.h>

typedef struct {
  char *dir;
  char *image;
  LunEmul *emul;
} TestLun;

static inline LunEmul *
test_lun_reopen (const char *image)
{
  g_autoptr (GError) error = NULL;
  LunEmul *emul = lun_emul_open (image, false, &error);

  ck_assert_msg (emul != NULL, "%s", error ? error->message : "no error set");
  return emul;
}

static inline TestLun
test_lun_new (uint32_t n_blocks)
{
  g_autoptr (GError) error = NULL;
  TestLun lun = { .dir = g_strdup ("/dev/shm/lunpath-emul-XXXXXX") };

  ck_assert_ptr_nonnull (g_mkdtemp (lun.dir));
  lun.image = g_build_filename (lun.dir, "lun.img", NULL);
  ck_assert_msg (lun_emul_create (lun.image, (uint64_t) n_blocks * 512, 512, &error),
                 "%s", error ? error->message : "no error set");
  lun.emul = test_lun_reopen (lun.image);
  return lun;
}

static inline void
test_lun_clear (TestLun *lun)
{
  g_autofree char *state = g_strconcat (lun->image, ".lun", NULL);

  lun_emul_close (lun->emul);
  g_unlink (lun->image);
  g_unlink (state);
  g_rmdir (lun->dir);
  g_free (lun->image);
  g_free (lun->dir);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (TestLun, test_lun_clear)

/* "a" -> iqn.2026-01.test:a,i,0x1 */
static inline LunEmulNexus *
test_nexus_of (LunEmul *emul, const char *host)
{
  g_autofree char *name = g_strdup_printf ("iqn.2026-01.test:%s,i,0x1", host);
  LunEmulNexus *nexus = lun_emul_nexus (emul, name, NULL);

  ck_assert_ptr_nonnull (nexus);
  return nexus;
}

static inline LunEmulNexus *
test_nexus (TestLun *lun, const char *host)
{
  return test_nexus_of (lun->emul, host);
}

static inline LunResult
test_in (LunEmulNexus *nexus, LunCdb cdb, void *buf, size_t len)
{
  struct iovec iov = { .iov_base = buf, .iov_len = len };

  return lun_emul_execute (nexus, cdb.b, cdb.len, LUN_DIR_IN, &iov, 1);
}

static inline LunResult
test_out (LunEmulNexus *nexus, LunCdb cdb, const void *buf, size_t len)
{
  struct iovec iov = { .iov_base = (void *) buf, .iov_len = len };

  return lun_emul_execute (nexus, cdb.b, cdb.len, LUN_DIR_OUT, &iov, 1);
}

static inline LunResult
test_none (LunEmulNexus *nexus, LunCdb cdb)
{
  return lun_emul_execute (nexus, cdb.b, cdb.len, LUN_DIR_NONE, NULL, 0);
}

static inline LunResult
test_read (LunEmulNexus *nexus, uint64_t lba, void *buf, uint32_t blocks)
{
  struct iovec iov = { .iov_base = buf, .iov_len = (size_t) blocks * 512 };

  return lun_emul_read (nexus, lba, blocks, &iov, 1);
}

static inline LunResult
test_write (LunEmulNexus *nexus, uint64_t lba, const void *buf, uint32_t blocks)
{
  struct iovec iov = { .iov_base = (void *) buf, .iov_len = (size_t) blocks * 512 };

  return lun_emul_write (nexus, lba, blocks, &iov, 1);
}

/* One block full of BYTE at LBA. */
static inline LunResult
test_write_byte (LunEmulNexus *nexus, uint64_t lba, uint8_t byte)
{
  uint8_t block[512];

  memset (block, byte, sizeof block);
  return test_write (nexus, lba, block, 1);
}

static inline LunResult
test_caw (LunEmulNexus *nexus, uint64_t lba, uint8_t expect, uint8_t replace)
{
  uint8_t data[1024];

  memset (data, expect, 512);
  memset (data + 512, replace, 512);
  return test_out (nexus, lun_cdb_compare_and_write (lba, 1), data, sizeof data);
}

static inline LunResult
test_pr_out_full (LunEmulNexus *nexus, LunPrOutAction action, uint8_t type,
                  const LunPrOut *param)
{
  uint8_t data[LUN_PR_OUT_LEN];

  lun_pr_out_encode (param, data);
  return test_out (nexus, lun_cdb_pr_out (action, type, sizeof data), data,
                   sizeof data);
}

static inline LunResult
test_pr_out (LunEmulNexus *nexus, LunPrOutAction action, uint8_t type, uint64_t key,
             uint64_t service_key)
{
  LunPrOut param = { .key = key, .service_key = service_key };

  return test_pr_out_full (nexus, action, type, &param);
}

static inline LunResult
test_register (LunEmulNexus *nexus, uint64_t key)
{
  return test_pr_out (nexus, LUN_PR_OUT_REGISTER_AND_IGNORE, 0, 0, key);
}

static inline LunResult
test_reserve (LunEmulNexus *nexus, uint8_t type, uint64_t key)
{
  return test_pr_out (nexus, LUN_PR_OUT_RESERVE, type, key, 0);
}

static inline LunPrReservation
test_reservation (LunEmulNexus *nexus)
{
  uint8_t data[24] = { 0 };
  LunPrReservation reservation = { 0 };
  LunResult result = test_in (
    nexus, lun_cdb_pr_in (LUN_PR_IN_READ_RESERVATION, sizeof data), data, sizeof data);

  ck_assert_int_eq (result.outcome, LUN_OUTCOME_GOOD);
  ck_assert (
    lun_pr_reservation_decode (data, sizeof data - result.residual, &reservation));
  return reservation;
}

/* ASC << 8 | ASCQ of fixed sense data, 0 when there is none. */
static inline unsigned
test_asc (LunResult result)
{
  return result.sense_len >= 14 ? lun_be16_get (result.sense + 12) : 0;
}

static inline unsigned
test_sense_key (LunResult result)
{
  return result.sense_len >= 14 ? result.sense[2] & 0x0f : 0;
}

/* The pending unit attentions, one after the other, until TEST UNIT READY is GOOD. */
static inline unsigned
test_next_attention (LunEmulNexus *nexus)
{
  LunResult result = test_none (nexus, lun_cdb_test_unit_ready ());

  if (result.outcome == LUN_OUTCOME_GOOD)
    return 0;
  ck_assert_int_eq (test_sense_key (result), 6);
  return test_asc (result);
}

#define assert_good(result) ck_assert_int_eq ((result).outcome, LUN_OUTCOME_GOOD)
#define assert_conflict(result) \
  ck_assert_int_eq ((result).outcome, LUN_OUTCOME_RESERVATION_CONFLICT)

static inline void
assert_check (LunResult result, unsigned sense_key, unsigned asc)
{
  ck_assert_int_eq (result.outcome, LUN_OUTCOME_CHECK_CONDITION);
  ck_assert_int_eq (result.status, LUN_SCSI_CHECK_CONDITION);
  ck_assert_uint_eq (test_sense_key (result), sense_key);
  ck_assert_uint_eq (test_asc (result), asc);
}
