#include "prog/fts/copy.h"

#include "prog/fts/report.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

static void
on_progress (uint64_t done, uint64_t total, void *user_data)
{
  FtsCopy *copy = user_data;

  copy->bytes = total;
  fts_progress_update (&copy->progress, done, total);
}

static bool
on_cancelled (void *user_data)
{
  return fts_shell_signal () != 0;
}

FtsTransfer
fts_copy_begin_file (FtsCopy *copy, const char *name)
{
  const FtsShell *shell = copy->shell;

  copy->bytes = 0;
  fts_progress_begin (&copy->progress, name,
                      !shell->quiet && !shell->json && isatty (STDERR_FILENO));
  return (FtsTransfer){ .progress = on_progress,
                        .cancelled = on_cancelled,
                        .user_data = copy,
                        .replace = copy->replace,
                        .resume = copy->resume };
}

static void
report_json (const FtsCopy *copy, const char *source, const char *target,
             double seconds)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();

  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, "command");
  json_builder_add_string_value (builder, copy->verb);
  fts_report_add_name (builder, "source", source);
  fts_report_add_name (builder, "target", target);
  json_builder_set_member_name (builder, "bytes");
  json_builder_add_int_value (builder, (gint64) copy->bytes);
  json_builder_set_member_name (builder, "seconds");
  json_builder_add_double_value (builder, seconds);
  json_builder_set_member_name (builder, "bytes_per_second");
  json_builder_add_double_value (builder,
                                 seconds > 0 ? (double) copy->bytes / seconds : 0);
  json_builder_end_object (builder);
  fts_report_print (builder);
}

static void
report_text (const FtsCopy *copy, const char *source, const char *target,
             double seconds)
{
  g_autofree char *size = fts_report_size (copy->bytes);
  g_autofree char *rate =
    fts_report_size (seconds > 0 ? (uint64_t) ((double) copy->bytes / seconds) : 0);

  fprintf (stderr, "%s -> %s: %s in %.2f s, %s/s\n", source, target, size, seconds,
           rate);
}

void
fts_copy_end_file (FtsCopy *copy, const char *source, const char *target)
{
  double seconds = (double) (g_get_monotonic_time () - copy->progress.start_us) / 1e6;

  fts_progress_end (&copy->progress);
  if (copy->shell->json)
    report_json (copy, source, target, seconds);
  else if (copy->progress.shown)
    report_text (copy, source, target, seconds);
}

/* Errors of one file leave the others a chance; those of the connection do not. */
static bool
is_of_one_file (const GError *error)
{
  if (fts_shell_signal () != 0)
    return false;
  return error->domain == FTS_ERRNO ||
         g_error_matches (error, FTS_ERROR, FTS_ERROR_CORRUPT);
}

bool
fts_copy_go_on (FtsCopy *copy, GError *cause, GError **error)
{
  fts_progress_end (&copy->progress);
  if (!copy->shell->keep_going || !is_of_one_file (cause)) {
    g_propagate_error (error, cause);
    return false;
  }
  fprintf (stderr, "fts: %s\n", cause->message);
  copy->n_failed++;
  g_error_free (cause);
  return true;
}

void
fts_copy_skip (const char *source)
{
  fprintf (stderr, "fts: warning: %s is neither file, directory nor symlink; skipped\n",
           source);
}
