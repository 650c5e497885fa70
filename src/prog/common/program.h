/* program.h - what every program does the same way: its name in front of messages, exit status.
 *
 * Messages go to stderr as "PROGRAM: text"; warnings as "PROGRAM: warning: text"; messages of
 * level info and debug only where G_MESSAGES_DEBUG names their domain or "all".
 * Threads: start() before any other; the rest from any thread.
 */
#pragma once

#include "base/error.h"

/* Sets program name, locale and log writer.  Call once. */
void fts_program_start (const char *name);

/* A copy of ARGV for the program to use; in ARGV itself, which everybody can see in /proc, secrets in
 * path names are overwritten.  Call first in main(). */
char **fts_program_take_arguments (int argc, char **argv);

/* From here on messages go to syslog: for a daemon that has left its terminal. */
void fts_program_use_syslog (void);

/* Prints "PROGRAM: MESSAGE" and gives the exit status for main() to return. */
FtsExit fts_program_fail (const GError *error);

/* The same for a wrong command line: adds where help is to be found; FTS_EXIT_USAGE. */
FtsExit fts_program_usage (const char *format, ...) G_GNUC_PRINTF (1, 2);
