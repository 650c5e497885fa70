/* base/cpu.h - may we spin, and how. */
#pragma once

#include <stdbool.h>

/* False when this process may use one CPU only: who is waited for could not run meanwhile. */
bool lun_cpu_may_spin (void);

/* In a spinning loop: the CPU saves power and lets its sibling run. */
static inline void
lun_cpu_pause (void)
{
#if defined(__x86_64__)
  __builtin_ia32_pause ();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}
