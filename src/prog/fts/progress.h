/* progress.h - the bar on a terminal: how much, how fast, how long still. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct {
  const char *name; /* of the file */
  bool shown;       /* stderr is a terminal and the user wants it */
  int64_t start_us, drawn_us;
  uint64_t start_done; /* bytes an earlier transfer brought */
  bool drawn, begun;
} FtsProgress;

void fts_progress_begin (FtsProgress *progress, const char *name, bool shown);
/* As FtsTransfer's; draws a few times a second. */
void fts_progress_update (FtsProgress *progress, uint64_t done, uint64_t total);
/* Wipes the bar. */
void fts_progress_end (FtsProgress *progress);

/* The bar's text for a terminal of WIDTH columns; RATE in bytes a second.  Pure. */
char *fts_progress_format (const char *name, uint64_t done, uint64_t total, double rate,
                           int width);
