/* emul_trio.h - three ports with registrations, for tests of persistent reservations. */
#pragma once

#include "emul_lun.h"

#define KA 0xaaaa0001
#define KB 0xbbbb0001
#define KC 0xcccc0001

static inline uint32_t
generation (LunEmulNexus *nexus)
{
  return test_reservation (nexus).generation;
}

/* Sorted by port; at most MAX. */
static inline uint32_t
read_keys (LunEmulNexus *nexus, uint64_t *keys, uint32_t max)
{
  uint8_t data[8 + 8 * 16];
  LunPrKeys list;
  LunResult result = test_in (nexus, lun_cdb_pr_in (LUN_PR_IN_READ_KEYS, sizeof data),
                              data, sizeof data);

  assert_good (result);
  ck_assert (lun_pr_keys_decode (data, sizeof data - result.residual, &list));
  for (uint32_t i = 0; i < list.n_keys && i < max; i++)
    keys[i] = list.keys[i];
  g_free (list.keys);
  return list.n_total;
}

static inline uint32_t
n_keys (LunEmulNexus *nexus)
{
  return read_keys (nexus, NULL, 0);
}

static inline bool
is_registered (LunEmulNexus *nexus, uint64_t key)
{
  uint64_t keys[16];
  uint32_t n = read_keys (nexus, keys, 16);

  for (uint32_t i = 0; i < n; i++)
    if (keys[i] == key)
      return true;
  return false;
}

typedef struct {
  TestLun lun;
  LunEmulNexus *a, *b, *c;
} Trio;

static inline void
trio_clear (Trio *trio)
{
  test_lun_clear (&trio->lun);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Trio, trio_clear)

/* a, b and c registered with their keys; a reserved with TYPE (0: nobody). */
static inline Trio
trio_new (uint8_t type)
{
  Trio trio = { .lun = test_lun_new (8) };

  trio.a = test_nexus (&trio.lun, "a");
  trio.b = test_nexus (&trio.lun, "b");
  trio.c = test_nexus (&trio.lun, "c");
  assert_good (test_register (trio.a, KA));
  assert_good (test_register (trio.b, KB));
  assert_good (test_register (trio.c, KC));
  if (type)
    assert_good (test_reserve (trio.a, type, KA));
  return trio;
}
