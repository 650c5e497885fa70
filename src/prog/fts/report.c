#include "prog/fts/report.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

char *
fts_report_size (uint64_t bytes)
{
  static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
  double value = (double) bytes;
  size_t unit = 0;

  while (value >= 1024 && unit + 1 < G_N_ELEMENTS (units)) {
    value /= 1024;
    unit++;
  }
  return g_strdup_printf (unit && value < 100 ? "%.1f %s" : "%.0f %s", value,
                          units[unit]);
}

/* ---- JSON ---- */

void
fts_report_add_name (JsonBuilder *builder, const char *member, const char *name)
{
  json_builder_set_member_name (builder, member);
  if (g_utf8_validate (name, -1, NULL)) {
    json_builder_add_string_value (builder, name);
    return;
  }
  g_autofree char *shown = g_utf8_make_valid (name, -1);
  g_autofree char *bytes = g_base64_encode ((const guchar *) name, strlen (name));
  g_autofree char *bytes_member = g_strdup_printf ("%s_base64", member);
  json_builder_add_string_value (builder, shown);
  json_builder_set_member_name (builder, bytes_member);
  json_builder_add_string_value (builder, bytes);
}

static const char *
type_name (uint32_t mode)
{
  switch (mode & S_IFMT) {
  case S_IFREG:
    return "file";
  case S_IFDIR:
    return "directory";
  case S_IFLNK:
    return "symlink";
  case S_IFIFO:
    return "fifo";
  case S_IFSOCK:
    return "socket";
  case S_IFCHR:
    return "character-device";
  case S_IFBLK:
    return "block-device";
  default:
    return "unknown";
  }
}

static char *
time_text (FtsTime time, const char *format)
{
  g_autoptr (GDateTime) date = g_date_time_new_from_unix_local (time.sec);
  return date ? g_date_time_format (date, format)
              : g_strdup_printf ("%" G_GINT64_FORMAT, time.sec);
}

static void
add_int (JsonBuilder *builder, const char *member, uint64_t value)
{
  json_builder_set_member_name (builder, member);
  json_builder_add_int_value (builder, (gint64) value);
}

static void
add_text (JsonBuilder *builder, const char *member, const char *value)
{
  json_builder_set_member_name (builder, member);
  json_builder_add_string_value (builder, value);
}

void
fts_report_add_attr (JsonBuilder *builder, const FtsAttr *attr)
{
  g_autofree char *mode = g_strdup_printf ("%04o", attr->mode & 07777);
  g_autofree char *seconds = time_text (attr->mtime, "%Y-%m-%dT%H:%M:%S");
  g_autofree char *zone = time_text (attr->mtime, "%:z");
  g_autofree char *mtime =
    g_strdup_printf ("%s.%09u%s", seconds, attr->mtime.nsec, zone);

  add_text (builder, "type", type_name (attr->mode));
  add_text (builder, "mode", mode);
  add_int (builder, "nlink", attr->nlink);
  add_int (builder, "uid", attr->uid);
  add_int (builder, "gid", attr->gid);
  add_int (builder, "size", attr->size);
  add_text (builder, "mtime", mtime);
  add_int (builder, "ino", attr->ino);
}

void
fts_report_print (JsonBuilder *builder)
{
  g_autoptr (JsonGenerator) generator = json_generator_new ();
  g_autoptr (JsonNode) root = json_builder_get_root (builder);

  json_generator_set_root (generator, root);
  g_autofree char *text = json_generator_to_data (generator, NULL);
  puts (text);
  fflush (stdout);
}

/* ---- for people ---- */

static void
mode_text (uint32_t mode, char out[11])
{
  static const char bits[] = "rwxrwxrwx";
  static const char kinds[] = "?pc?d?b?-?l?s???";

  out[0] = kinds[(mode & S_IFMT) >> 12];
  for (int i = 0; i < 9; i++)
    out[1 + i] = mode & (0400u >> i) ? bits[i] : '-';
  if (mode & S_ISUID)
    out[3] = mode & S_IXUSR ? 's' : 'S';
  if (mode & S_ISGID)
    out[6] = mode & S_IXGRP ? 's' : 'S';
  if (mode & S_ISVTX)
    out[9] = mode & S_IXOTH ? 't' : 'T';
  out[10] = '\0';
}

static char *
shown_name (const char *name, bool terminal)
{
  char *shown = g_strdup (name);

  for (char *c = shown; terminal && *c; c++)
    if (g_ascii_iscntrl (*c))
      *c = '?';
  return shown;
}

char *
fts_report_line (const char *name, const FtsAttr *attr, const char *link, bool terminal)
{
  g_autofree char *date = time_text (attr->mtime, "%Y-%m-%d %H:%M");
  g_autofree char *shown = shown_name (name, terminal);
  g_autofree char *target = shown_name (link ? link : "", terminal);
  char mode[11];

  mode_text (attr->mode, mode);
  return g_strdup_printf ("%s %3u %5u %5u %12" G_GUINT64_FORMAT " %s %s%s%s", mode,
                          attr->nlink, attr->uid, attr->gid, attr->size, date, shown,
                          link ? " -> " : "", target);
}
