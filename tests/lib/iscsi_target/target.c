#include "lib/iscsi_target/connection.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void
target_init (Target *target, const char *image, const char *iqn)
{
  *target = (Target){ .image = g_strdup (image),
                      .iqn = g_strdup (iqn),
                      .params = target_params_default };
  pthread_mutex_init (&target->lock, NULL);
  pthread_cond_init (&target->left, NULL);
  target->connections = g_ptr_array_new ();
}

static void
shut (TargetConnection *connection)
{
  (void) shutdown (connection->fd, SHUT_RDWR);
}

void
target_clear (Target *target)
{
  pthread_mutex_lock (&target->lock);
  target->stopping = true;
  for (guint i = 0; i < target->connections->len; i++)
    shut (target->connections->pdata[i]);
  while (target->connections->len > 0)
    pthread_cond_wait (&target->left, &target->lock);
  pthread_mutex_unlock (&target->lock);

  g_ptr_array_unref (target->connections);
  for (int i = 0; i < target->n_portals; i++)
    g_free (target->portals[i]);
  g_free (target->chap.user);
  g_free (target->chap.secret);
  g_free (target->mutual.user);
  g_free (target->mutual.secret);
  g_free (target->iqn);
  g_free (target->image);
  pthread_cond_destroy (&target->left);
  pthread_mutex_destroy (&target->lock);
}

unsigned
target_n_connections (Target *target)
{
  pthread_mutex_lock (&target->lock);
  unsigned n = target->connections->len;
  pthread_mutex_unlock (&target->lock);
  return n;
}

/* ---- sessions ---- */

static TargetConnection *
find_session (const Target *target, const TargetConnection *like)
{
  for (guint i = 0; i < target->connections->len; i++) {
    TargetConnection *other = target->connections->pdata[i];
    if (other != like && other->full_feature && !other->discovery &&
        memcmp (other->isid, like->isid, sizeof like->isid) == 0 &&
        strcmp (other->initiator, like->initiator) == 0)
      return other;
  }
  return NULL;
}

bool
target_claim_session (Target *target, TargetConnection *connection)
{
  TargetConnection *older;

  pthread_mutex_lock (&target->lock);
  while (!target->stopping && !connection->discovery &&
         (older = find_session (target, connection)) != NULL) {
    shut (older);
    pthread_cond_wait (&target->left, &target->lock);
  }
  bool ok = !target->stopping;
  target->last_tsih =
    (uint16_t) (target->last_tsih == UINT16_MAX ? 1 : target->last_tsih + 1);
  connection->tsih = target->last_tsih;
  connection->full_feature = ok;
  pthread_mutex_unlock (&target->lock);
  return ok;
}

/* ---- threads ---- */

/* Leaves the list last: whoever waits for the end of a session finds its nexus gone. */
static void
end (TargetConnection *connection)
{
  Target *target = connection->target;

  lun_emul_close (connection->emul);
  pthread_mutex_lock (&target->lock);
  g_ptr_array_remove_fast (target->connections, connection);
  close (connection->fd);
  g_ptr_array_unref (connection->tasks);
  g_free (connection->initiator);
  g_free (connection->buf);
  g_free (connection);
  pthread_cond_broadcast (&target->left);
  pthread_mutex_unlock (&target->lock);
}

static void *
serve (void *arg)
{
  TargetConnection *connection = arg;

  if (target_login (connection))
    target_connection_run (connection);
  end (connection);
  return NULL;
}

static TargetConnection *
new_connection (Target *target, int fd)
{
  TargetConnection *connection = g_new0 (TargetConnection, 1);

  connection->target = target;
  connection->fd = fd;
  connection->params = target->params;
  connection->tasks =
    g_ptr_array_new_with_free_func ((GDestroyNotify) target_task_free);
  return connection;
}

void
target_serve (Target *target, int fd)
{
  TargetConnection *connection = new_connection (target, fd);
  pthread_attr_t attr;
  pthread_t thread;

  pthread_mutex_lock (&target->lock);
  bool full = target->stopping || target->connections->len >= TARGET_CONNECTIONS_MAX;
  g_ptr_array_add (target->connections, connection);
  pthread_mutex_unlock (&target->lock);

  pthread_attr_init (&attr);
  pthread_attr_setdetachstate (&attr, PTHREAD_CREATE_DETACHED);
  if (full || pthread_create (&thread, &attr, serve, connection) != 0)
    end (connection);
  pthread_attr_destroy (&attr);
}
