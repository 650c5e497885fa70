/* device_spec.h - how a user names a device: PATH[|PATH...].
 *
 * A PATH is WRAPPER(ARGS)+...+KIND:REST; one without a kind is a file.  "|" and "+" inside
 * parentheses belong to the wrapper's arguments.  Pure, but for the current directory that a
 * relative file name is completed with; any thread.
 */
#pragma once

#include <glib.h>

/* The path names of one device, complete ("file:/abs/img").  Errors: FTS_ERROR_CONFIG. */
char **fts_device_spec_paths (const char *spec, GError **error);

/* The image file of a path as fts_device_spec_paths() gives it; NULL where it is no file LUN. */
char *fts_device_spec_image (const char *path);
