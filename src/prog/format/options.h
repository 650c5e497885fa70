/* options.h - the command line of fts-format. */
#pragma once

#include "volume/format.h"

typedef struct {
  char **devices; /* master first */
  uint64_t size;  /* bytes; 0 = as the device is */
  FtsFormatWish wish;
  bool has_lock_method;
  gboolean force, dry_run, json, quiet, version;
  char *name; /* wish.name points here */
} FtsFormatOptions;

/* Errors: G_OPTION_ERROR, FTS_ERROR_CONFIG. */
bool fts_format_options_parse (FtsFormatOptions *options, int *argc, char ***argv,
                               GError **error);
void fts_format_options_clear (FtsFormatOptions *options);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (FtsFormatOptions, fts_format_options_clear)

/* "64M": bytes, or a number with K, M, G or T (powers of 1024).  Pure. */
bool fts_format_parse_size (const char *text, uint64_t *out);
