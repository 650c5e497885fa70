/* meanwhile.h - a thread that does beforehand what is likely to be asked for next.
 *
 * It does one job at a time.  There is no queue: what it cannot do now is done when it is asked
 * for, as if it had never been guessed.
 *
 * Threads: any; the thread begins with the first job and lives as long as the object.
 */
#pragma once

#include <stdbool.h>

typedef struct FtsMeanwhile FtsMeanwhile;

FtsMeanwhile *fts_meanwhile_new (void);
/* After the job under way; nobody hands over another.  NULL is fine. */
void fts_meanwhile_free (FtsMeanwhile *meanwhile);

/* True: the next job is the calling thread's to name, by fts_meanwhile_run(); nobody else can. */
bool fts_meanwhile_reserve (FtsMeanwhile *meanwhile);
/* JOB (NULL = nothing after all) is called with DATA on the thread, in any case; then DONE (may be
 * NULL), when the thread can be reserved again. */
void fts_meanwhile_run (FtsMeanwhile *meanwhile, void (*job) (void *data),
                        void (*done) (void *data), void *data);
