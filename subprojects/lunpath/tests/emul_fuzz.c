/* Commands and parameter data without sense: never a crash, never a broken invariant.
 *
 * Deterministic: the same numbers in every run.  Buffers come from the heap in their exact size,
 * so that AddressSanitizer sees a step beyond them.
 */
#include "emul/state.h"
#include "emul_lun.h"
#include "fuzz_decoders.h"

#define N_COMMANDS 60000
#define N_INPUTS   20000

static uint64_t seed;

static uint64_t
next (void)
{
  seed ^= seed << 13;
  seed ^= seed >> 7;
  seed ^= seed << 17;
  return seed;
}

static uint32_t
below (uint32_t n)
{
  return (uint32_t) (next () >> 16) % n;
}

static void
fill (uint8_t *bytes, size_t len)
{
  for (size_t i = 0; i < len; i++)
    bytes[i] = below (3) ? (uint8_t) below (4) : (uint8_t) next ();
}

static const uint8_t opcodes[] = { 0x00, 0x03, 0x08, 0x0a, 0x12, 0x16, 0x17, 0x1a, 0x25,
                                   0x28, 0x2a, 0x35, 0x5e, 0x5f, 0x5f, 0x5f, 0x5f, 0x88,
                                   0x89, 0x8a, 0x91, 0x9e, 0xa0, 0xa8, 0xaa, 0x42 };

/* Mostly sensible: few keys, 24 bytes, so that rules are reached. */
static size_t
make_pr_out (uint8_t *cdb, uint8_t *data, size_t room)
{
  LunPrOut param = { .key = below (3),
                     .service_key = below (3),
                     .aptpl = below (2),
                     .spec_i_pt = below (20) == 0 };

  cdb[1] = (uint8_t) below (9);
  cdb[2] = (uint8_t) below (10);
  if (below (8) == 0) {
    fill (data, room);
    memset (cdb + 5, 0, 3);
    cdb[8] = (uint8_t) below (128);
    return below (129);
  }
  memset (cdb + 5, 0, 3);
  cdb[8] = LUN_PR_OUT_LEN;
  lun_pr_out_encode (&param, data);
  return LUN_PR_OUT_LEN;
}

static void
run_one (LunEmulNexus *nexus)
{
  uint8_t cdb[16], data[512];
  size_t cdb_len = below (10) ? 16 : below (17);

  fill (cdb, sizeof cdb);
  fill (data, sizeof data);
  cdb[0] = opcodes[below (sizeof opcodes)];
  if (below (2)) /* near the beginning and short */
    memset (cdb + 1, 0, 12);
  size_t len = cdb[0] == 0x5f ? make_pr_out (cdb, data, 128) : below (sizeof data + 1);
  LunDirection dir = cdb[0] == 0x5f ? LUN_DIR_OUT : (LunDirection) below (3);

  uint8_t *heap_cdb = g_memdup2 (cdb, cdb_len);
  size_t cut = below ((uint32_t) len + 1);
  struct iovec iov[2] = { { g_memdup2 (data, cut), cut },
                          { g_memdup2 (data + cut, len - cut), len - cut } };
  LunResult result = lun_emul_execute (nexus, heap_cdb, cdb_len, dir, iov, 2);
  ck_assert_uint_le (result.residual, len);
  ck_assert_uint_le (result.sense_len, LUN_SENSE_MAX);
  g_free (heap_cdb);
  g_free (iov[0].iov_base);
  g_free (iov[1].iov_base);
}

static bool
gate_is_right (const LunEmulState *state, unsigned port)
{
  const LunEmulCore *core = &state->core;
  uint32_t gate = state->gates[port];

  return !(gate & LUN_GATE_ATTENTION) == (core->ports[port].attentions == 0) &&
         !(gate & LUN_GATE_READ) == lun_core_permits (core, port, LUN_ACCESS_READ) &&
         !(gate & LUN_GATE_WRITE) == lun_core_permits (core, port, LUN_ACCESS_WRITE);
}

static bool
state_is_sound (const LunEmulState *state)
{
  const LunEmulCore *core = &state->core;

  if (core->res_type != 0 &&
      (!lun_pr_type_is_valid (core->res_type) || lun_core_n_registered (core) == 0 ||
       (core->res_type < 7 && !core->ports[core->holder].registered)))
    return false;
  if (core->scsi2 && lun_core_n_registered (core) > 0)
    return false;
  for (unsigned i = 0; i < LUN_EMUL_PORTS; i++)
    if (!gate_is_right (state, i))
      return false;
  return true;
}

START_TEST (test_random_commands_keep_the_lun_sound)
{
  g_auto (TestLun) lun = test_lun_new (64);
  LunEmulNexus *nexuses[4];

  seed = 0x9e3779b97f4a7c15;
  for (int i = 0; i < 4; i++)
    nexuses[i] = test_nexus (&lun, (const char *[]){ "a", "b", "c", "d" }[i]);
  for (int i = 0; i < N_COMMANDS; i++) {
    run_one (nexuses[below (4)]);
    if (below (500) == 0)
      lun_emul_lun_reset (lun.emul);
    if (below (2000) == 0)
      lun_emul_power_cycle (lun.emul);
    if (i % 16 == 0)
      ck_assert (state_is_sound (lun.emul->state));
  }
}
END_TEST

START_TEST (test_decoders_take_any_bytes)
{
  uint8_t bytes[300];

  seed = 0x2545f4914f6cdd1d;
  for (int i = 0; i < N_INPUTS; i++) {
    size_t len = below (sizeof bytes + 1);
    fill (bytes, len);
    if (len > 1 && below (2))
      bytes[1] = (uint8_t) (below (2) ? 0x83 : 0xb0);
    uint8_t *exact = g_memdup2 (bytes, len);
    fuzz_decoders (exact, len);
    g_free (exact);
  }
}
END_TEST

LUN_SUITE ("emul/fuzz", test_random_commands_keep_the_lun_sound,
           test_decoders_take_any_bytes)
