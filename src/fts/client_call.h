/* client_call.h - one request and its answer, for the files of the client half only.
 *
 * A call is filled in by the operation (client_files.c), carried out here and in client.c:
 * encode, send in one message, receive, check that the answer belongs to the request, turn a
 * status into FTS_ERRNO, hand data to the sink as it arrives.
 *
 * Repeating: a call that failed on the way is done again on a new connection as long as the
 * client's patience lasts (patience.h), when the operation is repeatable and nothing was
 * delivered, or what was delivered can be dropped (`restart`).
 */
#pragma once

#include "fts/client.h"
#include "fts/client_pool.h"

typedef struct {
  FtsRequest request;
  const struct iovec *iov; /* data behind the request */
  int n_iov;
  uint64_t open_id2; /* the user's id of the second file, 0 = none */
  bool once;         /* not to be repeated, whatever the operation */

  FtsAnswer answer; /* its texts are gone after the call: see `text` */
  char *text;       /* the answer's name, or NULL; the caller frees it */
  FtsSink sink;     /* takes the data behind the answer; NULL = none is expected */
  /* Drops what the sink took, as all of it comes again; NULL = it cannot. */
  void (*restart) (void *user_data);
  void *user_data;
  uint64_t delivered; /* bytes that the sink took */
  bool is_sent;       /* something of it was, so that the peer may know it */
} FtsCall;

/* CALL for OP on HANDLE (NULL = none) with the rights of CALLER (NULL = this process). */
void fts_call_init (FtsCall *call, FtsOp op, const FtsCaller *caller,
                    const FtsHandle *handle);
/* A text operand; false with ENAMETOOLONG. */
bool fts_call_text (FtsText *text, const char *value, GError **error);

/* Request and answer on CONNECTION, without repeating.  *IN_STEP tells whether the connection is
 * usable afterwards: it is after an answer with an error, too. */
bool fts_call_send (FtsConnection *connection, FtsCall *call, GError **error);
bool fts_call_receive (FtsConnection *connection, FtsCall *call, bool *in_step,
                       GError **error);
bool fts_call_exchange (FtsConnection *connection, FtsCall *call, bool *in_step,
                        GError **error);

/* Tags CALL's request and encodes it into HEADER; decodes an answer from the front of FRAGMENT
 * into CALL; false when it does not belong to the request or tells an error (FTS_ERRNO). */
void fts_call_encode (FtsConnection *connection, FtsCall *call, GByteArray *header);
bool fts_call_decode (FtsCall *call, const FtsFragment *fragment, size_t *used,
                      bool *in_step, GError **error);

/* ---- client.c ---- */

/* CALL on a connection of CLIENT, repeated where that is allowed. */
bool fts_client_call (FtsClient *client, FtsCall *call, GError **error);

/* For transfers, which hold a connection for long. */
FtsConnection *fts_client_take (FtsClient *client, GError **error);
void fts_client_give (FtsClient *client, FtsConnection *connection,
                      FtsPoolVerdict verdict);
/* Beside the pool's. */
FtsConnection *fts_client_open_extra (FtsClient *client, GError **error);
void fts_client_close_extra (FtsConnection *connection);
void fts_client_count (FtsClient *client, FtsOp op);

/* Most data of one READ, WRITE or DIR. */
size_t fts_client_max_data (const FtsClient *client);

/* CALL on the open file OPEN_ID (0 = none: by the request's handle alone), and open_id2 of the
 * call where it has two.  A file that the server does not know any more is opened again by its
 * handle, and the call repeated. */
bool fts_client_call_open (FtsClient *client, FtsCall *call, uint64_t open_id,
                           GError **error);
/* The user's id of a file that was just opened. */
uint64_t fts_client_add_open (FtsClient *client, const FtsHandle *handle,
                              uint32_t flags, const FtsCaller *caller,
                              uint64_t server_id);
