#include "transport/iscsi-port.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define MAX_NUMBER 1023

/* FNV-1a: the same in all versions, unlike g_str_hash(). */
static uint32_t
hash (const char *text)
{
  uint32_t sum = 2166136261u;

  for (; *text != '\0'; text++)
    sum = (sum ^ (uint8_t) *text) * 16777619u;
  return sum;
}

/* The host's name as far as iSCSI names have its characters. */
static char *
host_part (void)
{
  char *host = g_ascii_strdown (g_get_host_name (), 64);

  return g_strcanon (host, "abcdefghijklmnopqrstuvwxyz0123456789-.", '-');
}

/* 0 and *fd, or errno: EADDRINUSE = somebody has the number. */
static int
hold (const char *what, int *fd)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  /* a long name would be cut: its hash stands for it */
  int len = snprintf (address.sun_path + 1, sizeof address.sun_path - 1,
                      "lunpath-iscsi-%08x-%.60s", hash (what), what);
  socklen_t address_len =
    (socklen_t) (G_STRUCT_OFFSET (struct sockaddr_un, sun_path) + 1 + (size_t) len);

  *fd = socket (AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (*fd < 0)
    return errno;
  if (bind (*fd, (struct sockaddr *) &address, address_len) == 0)
    return 0;
  int cause = errno;
  close (*fd);
  return cause;
}

static int
take_number (LunIscsiPort *port, const LunIscsiTarget *target, const char *base,
             uint32_t path_hash)
{
  for (uint16_t number = 0; number <= MAX_NUMBER; number++) {
    g_autofree char *name =
      target->initiator ? g_strdup (base) : g_strdup_printf ("%s.%u", base, number);
    g_autofree char *key = g_strdup_printf ("%s %06x %u", name, path_hash, number);
    int cause = hold (key, &port->fd);
    if (cause == EADDRINUSE)
      continue;
    port->name = g_steal_pointer (&name);
    port->number = number;
    return cause;
  }
  return EADDRINUSE;
}

LunIscsiPort *
lun_iscsi_port_take (const LunIscsiTarget *target, GError **error)
{
  g_autoptr (LunIscsiPort) port = g_new0 (LunIscsiPort, 1);
  g_autofree char *host = host_part ();
  g_autofree char *path =
    g_strdup_printf ("%s/%s/%d", target->portal, target->iqn, target->lun);
  uint32_t path_hash = hash (path);
  g_autofree char *base =
    target->initiator ? g_strdup (target->initiator)
                      : g_strdup_printf ("iqn.2026-01.ftsfs:%s:%08x", host, path_hash);

  port->fd = -1;
  port->isid = target->has_isid ? target->isid : (path_hash ^ hash (base)) & 0xffffff;
  int cause = take_number (port, target, base, path_hash);
  if (cause == 0)
    return g_steal_pointer (&port);
  port->fd = -1;
  g_set_error (error, LUN_ERROR, LUN_ERROR_IO, "no initiator port for %s: %s", path,
               g_strerror (cause));
  return NULL;
}

void
lun_iscsi_port_leave (LunIscsiPort *port)
{
  if (!port)
    return;
  if (port->fd >= 0)
    close (port->fd);
  g_free (port->name);
  g_free (port);
}
