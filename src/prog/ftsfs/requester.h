/* requester.h - is the program that made a request of the kernel about to go?
 *
 * By /proc: a fatal signal shows there as a pending SIGKILL, whatever its number was; a program
 * that ends closes its files with the flag PF_EXITING set.  Pure but for /proc; any thread.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/* Is thread TID killed, ending, or gone? */
bool fts_requester_is_dying (pid_t tid);
