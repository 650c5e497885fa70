#include "prog/ftsfs/known.h"

void
fts_known_init (FtsKnown *known)
{
  *known = (FtsKnown){ 0 };
  pthread_mutex_init (&known->lock, NULL);
}

void
fts_known_clear (FtsKnown *known)
{
  pthread_mutex_destroy (&known->lock);
}

void
fts_known_set_statfs (FtsKnown *known, const FtsStatfs *statfs)
{
  pthread_mutex_lock (&known->lock);
  known->statfs = *statfs;
  known->has_statfs = true;
  pthread_mutex_unlock (&known->lock);
}

void
fts_known_set_root (FtsKnown *known, const FtsAttr *root)
{
  pthread_mutex_lock (&known->lock);
  known->root = *root;
  known->has_root = true;
  pthread_mutex_unlock (&known->lock);
}

bool
fts_known_statfs (FtsKnown *known, FtsStatfs *out)
{
  pthread_mutex_lock (&known->lock);
  bool has = known->has_statfs;
  *out = known->statfs;
  pthread_mutex_unlock (&known->lock);
  return has;
}

bool
fts_known_root (FtsKnown *known, FtsAttr *out)
{
  pthread_mutex_lock (&known->lock);
  bool has = known->has_root;
  *out = known->root;
  pthread_mutex_unlock (&known->lock);
  return has;
}
