#include "prog/fts/progress.h"

#include "prog/fts/report.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define DRAW_EVERY_US  200000
#define MIN_BAR        10
#define NAME_MAX_SHOWN 30

static int
terminal_width (void)
{
  struct winsize size;
  return ioctl (STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col
                                                                          : 80;
}

static char *
time_left (uint64_t left, double rate)
{
  if (rate <= 0)
    return g_strdup ("--:--");
  uint64_t seconds = (uint64_t) ((double) left / rate + 0.5);
  if (seconds >= 3600)
    return g_strdup_printf ("%u:%02u:%02u", (unsigned) (seconds / 3600),
                            (unsigned) (seconds / 60 % 60), (unsigned) (seconds % 60));
  return g_strdup_printf ("%u:%02u", (unsigned) (seconds / 60),
                          (unsigned) (seconds % 60));
}

char *
fts_progress_format (const char *name, uint64_t done, uint64_t total, double rate,
                     int width)
{
  double share = total > 0 ? MIN (1.0, (double) done / (double) total) : 1.0;
  g_autofree char *size = fts_report_size (done);
  g_autofree char *speed = fts_report_size ((uint64_t) rate);
  g_autofree char *left = time_left (total > done ? total - done : 0, rate);
  g_autofree char *shown = g_utf8_make_valid (name, -1);
  g_autofree char *head =
    g_strdup_printf ("%.*s %3d%% ", NAME_MAX_SHOWN, shown, (int) (share * 100));
  g_autofree char *tail = g_strdup_printf (" %9s %9s/s %8s", size, speed, left);
  int room = width - 1 - (int) strlen (head) - (int) strlen (tail) - 2;

  if (room < MIN_BAR)
    return g_strdup_printf ("%3d%%%s", (int) (share * 100), tail);
  int filled = (int) (share * room);
  g_autofree char *bar = g_strnfill ((gsize) room, ' ');
  memset (bar, '=', (size_t) filled);
  return g_strdup_printf ("%s[%s]%s", head, bar, tail);
}

void
fts_progress_begin (FtsProgress *progress, const char *name, bool shown)
{
  *progress =
    (FtsProgress){ .name = name, .shown = shown, .start_us = g_get_monotonic_time () };
}

void
fts_progress_update (FtsProgress *progress, uint64_t done, uint64_t total)
{
  int64_t now = g_get_monotonic_time ();

  if (!progress->begun) {
    progress->begun = true;
    progress->start_done = done < total ? done : 0;
  }
  if (!progress->shown || now - progress->drawn_us < DRAW_EVERY_US)
    return;
  double seconds = (double) (now - progress->start_us) / 1e6;
  double rate = seconds > 0 ? (double) (done - progress->start_done) / seconds : 0;
  g_autofree char *text =
    fts_progress_format (progress->name, done, total, rate, terminal_width ());
  fprintf (stderr, "\r%s\033[K", text);
  fflush (stderr);
  progress->drawn_us = now;
  progress->drawn = true;
}

void
fts_progress_end (FtsProgress *progress)
{
  if (progress->drawn)
    fputs ("\r\033[K", stderr);
  progress->drawn = false;
}
