/* memory.c - memory that is lent to devices: used without a copy, and never theirs after a deadline. */
#include "puppet.h"

#include <lunpath/memory.h>

#include "base/loan.h"

#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096
#define LEN  (4 * PAGE)

/* ---- the memory itself ---- */

START_TEST (test_what_is_given_back_is_handed_out_again)
{
  char *first = lun_memory_take (100 * 1024);

  memset (first, 'x', 100 * 1024);
  lun_memory_give (first);
  char *second = lun_memory_take (128 * 1024); /* as large, really */
  ck_assert_ptr_eq (first, second);
  char *third = lun_memory_take (128 * 1024);
  ck_assert_ptr_ne (second, third);
  ck_assert_uint_eq ((uintptr_t) third % PAGE, 0);
  lun_memory_give (third);
  lun_memory_give (second);
  lun_memory_give (NULL);
}
END_TEST

START_TEST (test_no_more_is_kept_than_promised)
{
  char *blocks[40];

  for (int i = 0; i < 40; i++)
    blocks[i] = lun_memory_take (1 << 20);
  for (int i = 0; i < 40; i++)
    lun_memory_give (blocks[i]);
  unsigned n_again = 0;
  for (int i = 0; i < 40; i++) {
    char *block = lun_memory_take (1 << 20);
    memset (block, 1, 1 << 20);
    for (int j = 0; j < 32; j++)
      n_again += block == blocks[j];
  }
  ck_assert_uint_eq (n_again, LUN_MEMORY_KEPT >> 20);
}
END_TEST

START_TEST (test_both_sides_are_the_same_pages)
{
  char *front = lun_memory_take (LEN);
  LunBlock *loan = NULL;

  memset (front, 'a', LEN);
  char *back = lun_loan_take (front + PAGE, 2 * PAGE, &loan);
  ck_assert_ptr_nonnull (back);
  ck_assert_ptr_ne (back, front + PAGE);
  ck_assert_int_eq (back[0], 'a');
  back[0] = 'b';
  ck_assert_int_eq (front[PAGE], 'b');
  lun_loan_return (loan);
  lun_memory_give (front);
}
END_TEST

START_TEST (test_only_whole_pages_of_it_are_lent)
{
  char *front = lun_memory_take (LEN), *other;
  LunBlock *loan = NULL;

  ck_assert_ptr_null (lun_loan_take (front + 512, PAGE, &loan));
  ck_assert_ptr_null (lun_loan_take (front, PAGE + 512, &loan));
  ck_assert_ptr_null (lun_loan_take (front, 2 * LEN, &loan));
  ck_assert_int_eq (posix_memalign ((void **) &other, PAGE, LEN), 0);
  ck_assert_ptr_null (lun_loan_take (other, LEN, &loan));
  ck_assert_ptr_null (loan);
  free (other);
  lun_memory_give (front);
}
END_TEST

START_TEST (test_who_parts_with_pages_finds_their_bytes_in_others)
{
  char *front = lun_memory_take (LEN);
  LunBlock *loan = NULL, *none = NULL;

  memset (front, 'a', LEN);
  char *back = lun_loan_take (front + PAGE, PAGE, &loan);
  lun_loan_part (front + PAGE, PAGE);
  for (int i = 0; i < LEN; i++)
    ck_assert_int_eq (front[i], 'a');
  memset (back, 'd', PAGE);
  ck_assert_int_eq (front[PAGE], 'a');
  memset (front, 'o', LEN);
  ck_assert_int_eq (back[0], 'd');
  ck_assert_ptr_null (lun_loan_take (front, LEN, &none)); /* never again */
  lun_memory_give (front);
  ck_assert_int_eq (back[PAGE - 1], 'd'); /* as long as it is lent */
  lun_loan_return (loan);
}
END_TEST

START_TEST (test_what_is_lent_is_not_handed_out)
{
  char *front = lun_memory_take (LEN);
  LunBlock *loan = NULL;

  ck_assert_ptr_nonnull (lun_loan_take (front, LEN, &loan));
  lun_memory_give (front);
  char *next = lun_memory_take (LEN);
  ck_assert_ptr_ne (front, next);
  lun_loan_return (loan);
  char *after = lun_memory_take (LEN);
  ck_assert_ptr_eq (front, after);
  lun_memory_give (next);
  lun_memory_give (after);
}
END_TEST

START_TEST (test_a_child_begins_with_memory_of_its_own)
{
  char *kept = lun_memory_take (LEN), *in_use = lun_memory_take (LEN);
  int status;

  memset (in_use, 'a', LEN);
  lun_memory_give (kept);
  pid_t pid = fork ();
  ck_assert_int_ge (pid, 0);
  if (pid == 0) {
    char *own = lun_memory_take (LEN);
    memset (own, 'b', LEN);
    lun_memory_give (own);
    lun_memory_give (in_use);
    _exit (0);
  }
  ck_assert_int_eq (waitpid (pid, &status, 0), pid);
  ck_assert_int_eq (status, 0);
  ck_assert_int_eq (in_use[LEN - 1], 'a');
  ck_assert_ptr_eq (lun_memory_take (LEN), kept);
}
END_TEST

/* ---- under a device whose paths get stuck ---- */

#define ASYNC_A   "async(A)+ram:p?threaded=1"
#define ASYNC_A_B ASYNC_A "|async(B)+ram:p?threaded=1"

static const char *const held_a[] = { A, ASYNC_A };
static const char *const held_a_b[] = { A_B, ASYNC_A_B };

static bool
move (LunDevice *device, LunOp op, char *memory, GError **error)
{
  return op == LUN_OP_READ
           ? lun_device_read (device, 8, memory, LEN, LUN_PRIO_BULK, error)
           : lun_device_write (device, 8, memory, LEN, LUN_PRIO_BULK, error);
}

static void
assert_all (const char *memory, int byte)
{
  for (int i = 0; i < LEN; i++)
    ck_assert_int_eq (memory[i], byte);
}

typedef struct {
  LunDevice *device;
  char *memory;
} Writing;

static void *
write_it (void *data)
{
  Writing *writing = data;

  ck_assert (move (writing->device, LUN_OP_WRITE, writing->memory, NULL));
  return NULL;
}

/* What nobody may do shows it: a change while the command is under way. */
START_TEST (test_it_is_not_copied)
{
  g_autoptr (LunDevice) device = open_puppets (held_a[_i], (LunDeviceConfig){ 0 });
  Writing writing = { device, lun_memory_take (LEN) };
  pthread_t thread;

  memset (writing.memory, 'a', LEN);
  set_stuck (0, true);
  ck_assert_int_eq (pthread_create (&thread, NULL, write_it, &writing), 0);
  while (get (0).n_stuck == 0)
    g_usleep (1000);
  memset (writing.memory, 'b', LEN);
  set_stuck (0, false);
  pthread_join (thread, NULL);
  memset (writing.memory, 0, LEN);
  ck_assert (move (device, LUN_OP_READ, writing.memory, NULL));
  assert_all (writing.memory, 'b');
  lun_memory_give (writing.memory);
}
END_TEST

START_TEST (test_a_late_read_leaves_it_alone)
{
  g_autoptr (LunDevice) device =
    open_puppets (held_a_b[_i], (LunDeviceConfig){ .try_ms = 30 });
  g_auto (GStrv) names = lun_path_name_split (held_a_b[_i]);
  char *memory = lun_memory_take (LEN);

  memset (memory, 'a', LEN);
  ck_assert (move (device, LUN_OP_WRITE, memory, NULL));
  set_stuck (0, true);
  ck_assert (move (device, LUN_OP_READ, memory, NULL));
  assert_all (memory, 'a');
  memset (memory, 'b', LEN);
  set_stuck (0, false);
  await_state (device, names[0], LUN_PATH_UP);
  assert_all (memory, 'b');
  lun_memory_give (memory);
}
END_TEST

START_TEST (test_a_late_write_writes_what_it_was_given)
{
  g_autoptr (LunDevice) device =
    open_puppets (held_a[_i], (LunDeviceConfig){ .timeout_ms = 50 });
  g_autoptr (GError) error = NULL;
  char *memory = lun_memory_take (LEN);

  memset (memory, 'a', LEN);
  set_stuck (0, true);
  ck_assert (!move (device, LUN_OP_WRITE, memory, &error));
  ck_assert (g_error_matches (error, LUN_ERROR, LUN_ERROR_TIMEOUT));
  assert_all (memory, 'a');
  memset (memory, 'b', LEN);
  lun_memory_give (memory);
  set_stuck (0, false);
  await_state (device, held_a[_i], LUN_PATH_UP);
  memory = lun_memory_take (LEN);
  ck_assert (move (device, LUN_OP_READ, memory, NULL));
  assert_all (memory, 'a');
  lun_memory_give (memory);
}
END_TEST

int
main (void)
{
  const TTest *const loops[] = {
    test_it_is_not_copied,
    test_a_late_read_leaves_it_alone,
    test_a_late_write_writes_what_it_was_given,
  };
  const TTest *const tests[] = {
    test_what_is_given_back_is_handed_out_again,
    test_no_more_is_kept_than_promised,
    test_both_sides_are_the_same_pages,
    test_only_whole_pages_of_it_are_lent,
    test_who_parts_with_pages_finds_their_bytes_in_others,
    test_what_is_lent_is_not_handed_out,
    test_a_child_begins_with_memory_of_its_own,
  };

  return lun_suite_run_loops ("lunpath/memory", loops, G_N_ELEMENTS (loops), 2, tests,
                              G_N_ELEMENTS (tests));
}
