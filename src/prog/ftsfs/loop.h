/* loop.h - takes the kernel's requests and has them served, so that nothing hangs for ever.
 *
 * A few threads read requests and serve what they read.  Beside them stands one more, so that
 * somebody reads even when all serve: who is the last to read serves only what ends at once
 * (forget, interrupt) and puts the rest into a queue that the others empty before they read.
 *
 * Only a few of them read at a time, the rest rests until all of those serve: the kernel gives a request to
 * whoever read for longest, and a thread that did nothing for ten requests has forgotten all
 * that the processor's caches held for it.
 *
 * A watcher looks at requests that take long.  What must not hang (statfs, and what is asked about
 * the root) it serves itself when the queue has had it for FTS_KNOWN_WAIT_MS, without asking the
 * peer.  When the program that waits was killed or is about
 * to end, its request is interrupted (fts/interrupt.h).  The kernel's own interrupts do not tell
 * that: they come with every signal, once, and not for a program that closes its files as it
 * ends.  So a killed program goes within FTS_LOOP_WATCH_MS and a look, whatever the peer does;
 * one that caught a signal gets the answer.
 *
 * Invariants
 *  1. While the session lives one thread reads or is about to.
 *  2. The queue is not empty only while all other threads serve.
 *
 * Threads: fts_loop_run() is the main thread's; it returns when the session ended.
 */
#pragma once

#include "prog/ftsfs/fs.h"

#define FTS_LOOP_WATCH_MS 300

/* Serves FS's session with THREADS (at least 1) until it ends.  Calls ENDING once then, before it
 * waits for the requests that are under way. */
void fts_loop_run (FtsFs *fs, unsigned threads, void (*ending) (void *user_data),
                   void *user_data);
