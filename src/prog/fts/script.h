/* script.h - commands from a file or a terminal, one a line; words as in a shell (quotes,
 * backslash), # begins a comment line. */
#pragma once

#include "prog/fts/shell.h"

#include <stdio.h>

/* Runs the lines of INPUT until its end, quit, or the first error (with keep_going or on a
 * terminal all lines; errors are printed).  The last error is ERROR. */
bool fts_script_run (FtsShell *shell, FILE *input, const char *name, GError **error);
