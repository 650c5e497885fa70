#include "base/cpu.h"

#include <sched.h>

static int
count_cpus (void)
{
  cpu_set_t set;

  return sched_getaffinity (0, sizeof set, &set) == 0 ? CPU_COUNT (&set) : 1;
}

bool
lun_cpu_may_spin (void)
{
  static int n_cpus; /* atomic; 0 = not counted yet */
  int n = __atomic_load_n (&n_cpus, __ATOMIC_RELAXED);

  if (n == 0) {
    n = count_cpus ();
    __atomic_store_n (&n_cpus, n, __ATOMIC_RELAXED);
  }
  return n > 1;
}
