/* The volume lock while its holders are killed or stopped, by each method: processes of several
 * hosts fight for it all the time; there is never more than one holder, and a dead one holds the
 * others up for his dead time at most. */
#include "fixture.h"

#include "volume/lock.h"

#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIB       (UINT64_C (1) << 20)
#define PEERS_MAX 4
#define DEAD_MS   250

/* Long enough that only a lock that nobody can take any more does not end in time. */
#define WAIT_US   (60 * G_USEC_PER_SEC)

/* They are inside most of the time. */
#define SLOW      "fault(delay-ms=1:op=cdb)+"
/* Answers are lost: the command was executed, and nobody says so. */
#define LOSSY     "fault(lose-answer=1/41:op=cdb;lose-answer=1/31:op=write)+"

/* Shared by the test's processes. */
typedef struct {
  int holder; /* pid; 0 = nobody, or a dead one's that was not noticed yet */
  int violations;
  int holder_seen;
  int failures;
  uint32_t n_peers;
  unsigned n_taken[PEERS_MAX];
} Board;

static Board *
board_new (uint32_t n_peers)
{
  Board *board = mmap (NULL, sizeof *board, PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

  ck_assert_ptr_ne (board, MAP_FAILED);
  board->n_peers = n_peers;
  return board;
}

static unsigned
n_taken (const Board *board)
{
  unsigned n = 0;

  for (uint32_t i = 0; i < board->n_peers; i++)
    n += __atomic_load_n (&board->n_taken[i], __ATOMIC_SEQ_CST);
  return n;
}

/* GENERATION is the owner's pid.  One that was killed is dead before its parent knows. */
static bool
is_dead (uint32_t index, uint64_t generation, void *user_data)
{
  g_autofree char *name =
    g_strdup_printf ("/proc/%" G_GUINT64_FORMAT "/stat", generation);
  g_autofree char *stat = NULL;
  const char *state;

  if (!g_file_get_contents (name, &stat, NULL, NULL))
    return true;
  state = strrchr (stat, ')');
  return state != NULL && (state[2] == 'Z' || state[2] == 'X');
}

static void
be_alone (Board *board)
{
  int former = __atomic_exchange_n (&board->holder, (int) getpid (), __ATOMIC_SEQ_CST);
  int self = (int) getpid ();

  if (former != 0 && !is_dead (0, (uint64_t) former, NULL)) {
    board->holder_seen = former;
    __atomic_add_fetch (&board->violations, 1, __ATOMIC_SEQ_CST);
  }
  g_usleep (200);
  __atomic_compare_exchange_n (&board->holder, &self, 0, false, __ATOMIC_SEQ_CST,
                               __ATOMIC_SEQ_CST);
}

static void
fight_on (FtsLock *lock, uint32_t index, Board *board, GError **error)
{
  FtsLockOwner owner = { .index = index,
                         .generation = (uint64_t) getpid (),
                         .is_dead = is_dead };

  while (fts_lock_take (lock, &owner, WAIT_US, error)) {
    be_alone (board);
    __atomic_add_fetch (&board->n_taken[index], 1, __ATOMIC_SEQ_CST);
    fts_lock_release (lock);
    g_usleep (300);
  }
}

/* As a member of a volume with fencing has; its key outlives those who are killed. */
static LunReservation *
reserve (FtsVolume *volume, uint32_t index)
{
  LunReservationConfig config = { .key =
                                    lun_resv_key (fts_volume_tag (volume), index, 1),
                                  .type = LUN_PR_WRITE_EXCLUSIVE_ALL,
                                  .is_shared_key = true,
                                  .has_flags = true };
  LunReservation *reservation =
    lun_reservation_new (fts_volume_master (volume), &config);

  if (!lun_reservation_open (reservation, LUN_RESV_SHARED, NULL))
    _exit (1);
  return reservation;
}

static void
fight (const Lab *lab, uint32_t index, Board *board)
{
  bool is_fenced = lab->wish.fence_mode != FTS_FENCE_OFF;
  /* else two processes a host */
  const char host[2] = { (char) ('a' + (is_fenced ? index : index / 2)) };
  g_autoptr (GError) error = NULL;
  g_autoptr (FtsVolume) volume = lab_open (lab, host, &error);
  LunReservation *reservation =
    volume != NULL && is_fenced ? reserve (volume, index) : NULL;
  g_autoptr (FtsLock) lock =
    volume != NULL ? fts_lock_new (volume, reservation, &error) : NULL;

  if (lock != NULL)
    fight_on (lock, index, board, &error);
  g_printerr ("%s\n", error->message);
  __atomic_add_fetch (&board->failures, 1, __ATOMIC_SEQ_CST);
  _exit (1);
}

static pid_t
start (const Lab *lab, uint32_t index, Board *board)
{
  pid_t pid = fork ();

  ck_assert_int_ge (pid, 0);
  if (pid == 0)
    fight (lab, index, board);
  return pid;
}

static void
end (pid_t pid)
{
  kill (pid, SIGKILL);
  ck_assert_int_eq (waitpid (pid, NULL, 0), pid);
}

/* Until all the others took it again: whatever the one of INDEX was doing when it ended. */
static void
wait_for_others (Board *board, uint32_t index)
{
  int64_t until_us = g_get_monotonic_time () + WAIT_US;

  for (uint32_t i = 0; i < board->n_peers; i++) {
    unsigned before = __atomic_load_n (&board->n_taken[i], __ATOMIC_SEQ_CST);
    while (i != index &&
           __atomic_load_n (&board->n_taken[i], __ATOMIC_SEQ_CST) == before) {
      ck_assert_msg (g_get_monotonic_time () < until_us,
                     "nobody takes the lock any more");
      ck_assert_int_eq (board->failures, 0);
      g_usleep (1000);
    }
  }
}

/* Its victim's moment is another one each time, the same in each run. */
static void
trouble (const Lab *lab, Board *board, pid_t *pids, unsigned round, bool stops)
{
  uint32_t index = round % board->n_peers;

  g_usleep (1000 + round * 7919 % 13 * 100);
  if (stops && round % 3 == 2) {
    kill (pids[index], SIGSTOP);
    g_usleep (3 * DEAD_MS * 1000);
    kill (pids[index], SIGCONT);
  } else {
    end (pids[index]);
    wait_for_others (board, index);
    pids[index] = start (lab, index, board);
  }
  wait_for_others (board, PEERS_MAX);
}

typedef struct {
  FtsLockMethod method;
  const char *without;
  uint32_t n_peers;
  unsigned rounds;
  bool stops;
  FtsFenceMode fence_mode;
  const char *layers;
} Plan;

static void
check_trouble (const Plan *plan)
{
  Lab lab;
  Board *board = board_new (plan->n_peers);
  pid_t pids[PEERS_MAX];

  lab_init (&lab, 1, 2 * MIB, 512);
  lab.without = plan->without;
  lab.wish.lock_method = plan->method;
  lab.wish.fence_mode = plan->fence_mode;
  /* a path rests for up to a second after a lost answer, inside as well */
  lab.wish.dead_ms = strcmp (plan->layers, LOSSY) == 0 ? 5 * DEAD_MS : DEAD_MS;
  lab.wish.io_timeout_ms = 50;
  lab_format (&lab);
  lab.layers = plan->layers;
  for (uint32_t i = 0; i < plan->n_peers; i++)
    pids[i] = start (&lab, i, board);
  wait_for_others (board, PEERS_MAX);
  for (unsigned round = 0; round < plan->rounds; round++)
    trouble (&lab, board, pids, round, plan->stops);
  for (uint32_t i = 0; i < plan->n_peers; i++)
    end (pids[i]);
  ck_assert_msg (board->violations == 0, "two held the lock, %d times, with %d",
                 board->violations, board->holder_seen);
  ck_assert_uint_gt (n_taken (board), plan->rounds);
  munmap (board, sizeof *board);
  lab_clear (&lab);
}

#define TROUBLE(name, ...)                        \
  START_TEST (name)                               \
  {                                               \
    check_trouble (&(const Plan){ __VA_ARGS__ }); \
  }                                               \
  END_TEST

TROUBLE (test_by_compare_and_write_one_holds_it_whoever_dies, FTS_LOCK_CAW, NULL, 4, 6,
         true, FTS_FENCE_OFF, SLOW)
TROUBLE (test_by_registrations_one_holds_it_whoever_dies, FTS_LOCK_PR, "caw", 4, 6,
         true, FTS_FENCE_OFF, SLOW)
TROUBLE (test_by_registrations_without_preempt_and_abort_too, FTS_LOCK_PR, "caw:abort",
         4, 6, true, FTS_FENCE_OFF, SLOW)
TROUBLE (test_by_registrations_beside_fencing_one_holds_it_whoever_dies, FTS_LOCK_PR,
         "caw", 4, 6, false, FTS_FENCE_ALL_REGISTRANTS, SLOW)
TROUBLE (test_by_scsi2_one_holds_it_whoever_dies, FTS_LOCK_SCSI2, "caw:pr", 4, 6, true,
         FTS_FENCE_OFF, SLOW)
TROUBLE (test_by_file_lock_one_holds_it_whoever_dies, FTS_LOCK_FILE, NULL, 4, 5, true,
         FTS_FENCE_OFF, SLOW)
TROUBLE (test_by_delay_one_holds_it_whoever_dies, FTS_LOCK_DELAY, "caw:pr", 2, 1, false,
         FTS_FENCE_OFF, SLOW)

TROUBLE (test_by_registrations_lost_answers_do_no_harm, FTS_LOCK_PR, "caw", 4, 2, false,
         FTS_FENCE_OFF, LOSSY)
TROUBLE (test_by_scsi2_lost_answers_do_no_harm, FTS_LOCK_SCSI2, "caw:pr", 4, 2, false,
         FTS_FENCE_OFF, LOSSY)

FTS_SUITE ("volume/lock-trouble", test_by_compare_and_write_one_holds_it_whoever_dies,
           test_by_registrations_one_holds_it_whoever_dies,
           test_by_registrations_without_preempt_and_abort_too,
           test_by_registrations_beside_fencing_one_holds_it_whoever_dies,
           test_by_scsi2_one_holds_it_whoever_dies,
           test_by_registrations_lost_answers_do_no_harm,
           test_by_scsi2_lost_answers_do_no_harm,
           test_by_file_lock_one_holds_it_whoever_dies,
           test_by_delay_one_holds_it_whoever_dies)
