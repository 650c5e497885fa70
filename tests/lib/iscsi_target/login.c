/* login.c - from the first PDU to full feature phase: names, CHAP, operational keys.
 *
 * Source: RFC 7143 chapter 6.3.  A login is refused with a status, then the connection ends.
 */
#include "lib/iscsi_target/chap.h"
#include "lib/iscsi_target/connection.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#define LOGIN_SECONDS    15
#define LOGIN_TEXT_LIMIT (64 * 1024)
#define LOGIN_PDUS_MAX   64

#define FLAG_TRANSIT     0x80
#define FLAG_CONTINUE    0x40

typedef enum {
  STAGE_SECURITY = 0,
  STAGE_OPERATIONAL = 1,
  STAGE_FULL_FEATURE = 3,
} Stage;

/* Class and detail of the status. */
typedef enum {
  LOGIN_OK = 0x0000,
  LOGIN_INITIATOR_ERROR = 0x0200,
  LOGIN_AUTHENTICATION_FAILED = 0x0201,
  LOGIN_NOT_FOUND = 0x0203,
  LOGIN_VERSION = 0x0205,
  LOGIN_MISSING_PARAMETER = 0x0207,
  LOGIN_SESSION_TYPE = 0x0209,
  LOGIN_NO_SESSION = 0x020a,
  LOGIN_TARGET_ERROR = 0x0300,
  LOGIN_OUT_OF_RESOURCES = 0x0302,
} LoginStatus;

typedef struct {
  TargetConnection *connection;
  GByteArray *text; /* of requests that say there is more */
  GByteArray *answer;
  Stage stage;
  bool begun; /* the names are known */
  bool authenticated;
  bool challenged;
  bool declared; /* our MaxRecvDataSegmentLength */
  TargetChap chap;
} Login;

/* ---- names ---- */

static LoginStatus
take_names (Login *login, const GPtrArray *pairs)
{
  TargetConnection *connection = login->connection;
  const char *initiator = target_text_value (pairs, "InitiatorName");
  const char *name = target_text_value (pairs, "TargetName");
  const char *type = target_text_value (pairs, "SessionType");

  if (initiator == NULL || *initiator == '\0' || strlen (initiator) > 200)
    return LOGIN_MISSING_PARAMETER;
  connection->discovery = type && strcmp (type, "Discovery") == 0;
  if (type && !connection->discovery && strcmp (type, "Normal") != 0)
    return LOGIN_SESSION_TYPE;
  if (!connection->discovery && name == NULL)
    return LOGIN_MISSING_PARAMETER;
  if (!connection->discovery && strcmp (name, connection->target->iqn) != 0)
    return LOGIN_NOT_FOUND;

  connection->initiator = g_strdup (initiator);
  login->begun = true;
  if (!connection->discovery)
    target_text_add (login->answer, "TargetPortalGroupTag", "1");
  return LOGIN_OK;
}

/* ---- security stage ---- */

static LoginStatus
challenge (Login *login, const char *algorithms)
{
  char id[8];

  if (!target_text_offers (algorithms, "5"))
    return LOGIN_AUTHENTICATION_FAILED;
  target_chap_make (&login->chap);
  g_snprintf (id, sizeof id, "%u", login->chap.id);
  g_autofree char *text = target_chap_encode (login->chap.challenge, TARGET_CHAP_LEN);
  target_text_add (login->answer, "CHAP_A", "5");
  target_text_add (login->answer, "CHAP_I", id);
  target_text_add (login->answer, "CHAP_C", text);
  login->challenged = true;
  return LOGIN_OK;
}

/* The initiator wants to know who we are. */
static LoginStatus
prove_ourselves (Login *login, const char *id, const char *text)
{
  const TargetAccount *account = &login->connection->target->mutual;
  uint8_t bytes[1024], response[TARGET_CHAP_LEN];
  guint64 number;
  int len = target_chap_decode (text, bytes, sizeof bytes);

  if (account->user == NULL || len <= 0 ||
      !g_ascii_string_to_unsigned (id, 10, 0, 255, &number, NULL))
    return LOGIN_AUTHENTICATION_FAILED;
  if (len == TARGET_CHAP_LEN &&
      memcmp (bytes, login->chap.challenge, (size_t) len) == 0)
    return LOGIN_AUTHENTICATION_FAILED; /* our own challenge, reflected */
  target_chap_respond ((uint8_t) number, account->secret, bytes, (size_t) len,
                       response);
  g_autofree char *encoded = target_chap_encode (response, sizeof response);
  target_text_add (login->answer, "CHAP_N", account->user);
  target_text_add (login->answer, "CHAP_R", encoded);
  return LOGIN_OK;
}

static LoginStatus
check_response (Login *login, const GPtrArray *pairs, const char *user)
{
  const TargetAccount *account = &login->connection->target->chap;
  const char *id = target_text_value (pairs, "CHAP_I");
  const char *text = target_text_value (pairs, "CHAP_C");

  if (!login->challenged || strcmp (user, account->user) != 0 ||
      !target_chap_is_right (&login->chap, account->secret,
                             target_text_value (pairs, "CHAP_R")))
    return LOGIN_AUTHENTICATION_FAILED;
  login->authenticated = true;
  return id && text ? prove_ourselves (login, id, text) : LOGIN_OK;
}

static LoginStatus
do_security (Login *login, const GPtrArray *pairs)
{
  const char *method = target_text_value (pairs, "AuthMethod");
  const char *algorithms = target_text_value (pairs, "CHAP_A");
  const char *user = target_text_value (pairs, "CHAP_N");
  bool wanted = login->connection->target->chap.user != NULL;
  const char *ours = wanted ? "CHAP" : "None";

  if (method) {
    if (!target_text_offers (method, ours))
      return LOGIN_AUTHENTICATION_FAILED;
    target_text_add (login->answer, "AuthMethod", ours);
  }
  if (!wanted)
    login->authenticated = true;
  else if (algorithms)
    return challenge (login, algorithms);
  else if (user)
    return check_response (login, pairs, user);
  return LOGIN_OK;
}

/* ---- operational stage ---- */

static LoginStatus
do_operational (Login *login)
{
  char number[16];

  if (login->connection->target->chap.user != NULL && !login->authenticated)
    return LOGIN_AUTHENTICATION_FAILED;
  if (!login->declared) {
    g_snprintf (number, sizeof number, "%u", login->connection->params.max_receive);
    target_text_add (login->answer, "MaxRecvDataSegmentLength", number);
    login->declared = true;
  }
  return LOGIN_OK;
}

static LoginStatus
do_text (Login *login)
{
  g_autoptr (GPtrArray) pairs =
    target_text_parse ((const char *) login->text->data, login->text->len);
  LoginStatus status = LOGIN_OK;

  g_byte_array_set_size (login->text, 0);
  if (pairs == NULL)
    return LOGIN_INITIATOR_ERROR;
  if (!login->begun)
    status = take_names (login, pairs);
  if (status != LOGIN_OK)
    return status;
  status = login->stage == STAGE_SECURITY ? do_security (login, pairs)
                                          : do_operational (login);
  if (status == LOGIN_OK &&
      !target_text_negotiate (pairs, &login->connection->params, login->answer))
    return LOGIN_INITIATOR_ERROR;
  return status;
}

/* ---- the session ---- */

static LoginStatus
open_nexus (TargetConnection *connection)
{
  const uint8_t *isid = connection->isid;
  g_autoptr (GError) error = NULL;
  g_autofree char *name =
    g_strdup_printf ("%s,i,0x%02x%02x%02x%02x%02x%02x", connection->initiator, isid[0],
                     isid[1], isid[2], isid[3], isid[4], isid[5]);

  connection->emul = lun_emul_open (connection->target->image, false, &error);
  if (connection->emul)
    connection->nexus = lun_emul_nexus (connection->emul, name, &error);
  if (connection->nexus)
    return LOGIN_OK;
  g_printerr ("emul-target: login of %s: %s\n", name, error->message);
  return LOGIN_OUT_OF_RESOURCES;
}

static LoginStatus
enter_full_feature (Login *login)
{
  TargetConnection *connection = login->connection;

  connection->params.first_burst =
    MIN (connection->params.first_burst, connection->params.max_burst);
  if (!target_claim_session (connection->target, connection))
    return LOGIN_TARGET_ERROR;
  return connection->discovery ? LOGIN_OK : open_nexus (connection);
}

/* ---- PDUs ---- */

static bool
respond (Login *login, const TargetPdu *request, uint8_t flags, LoginStatus status)
{
  TargetConnection *connection = login->connection;
  uint8_t bhs[TARGET_BHS_LEN];
  bool ok = status == LOGIN_OK;

  target_response_init (bhs, TARGET_LOGIN_RESPONSE, request->bhs);
  bhs[1] = ok ? flags : 0;
  memcpy (bhs + 8, connection->isid, 6);
  lun_be16_put (bhs + 14, connection->tsih);
  lun_be16_put (bhs + 36, (uint16_t) status);
  bool sent = target_respond (connection, bhs, login->answer->data,
                              ok ? login->answer->len : 0, TARGET_WITH_STATUS);
  g_byte_array_set_size (login->answer, 0);
  return sent && ok;
}

static void
take_first (Login *login, const TargetPdu *pdu)
{
  TargetConnection *connection = login->connection;

  memcpy (connection->isid, pdu->bhs + 8, 6);
  connection->exp_cmd_sn = target_pdu_u32 (pdu, TARGET_AT_CMD_SN);
  connection->stat_sn = target_pdu_u32 (pdu, TARGET_AT_EXP_STAT_SN);
  login->stage = (Stage) (pdu->bhs[1] >> 2 & 3);
}

static LoginStatus
check_header (const Login *login, const TargetPdu *pdu)
{
  uint8_t flags = pdu->bhs[1];
  Stage stage = (Stage) (flags >> 2 & 3), next = (Stage) (flags & 3);

  if (pdu->bhs[3] > 0)
    return LOGIN_VERSION;
  if (lun_be16_get (pdu->bhs + 14) != 0)
    return LOGIN_NO_SESSION;
  if (stage != login->stage || stage > STAGE_OPERATIONAL ||
      memcmp (pdu->bhs + 8, login->connection->isid, 6) != 0)
    return LOGIN_INITIATOR_ERROR;
  if ((flags & FLAG_TRANSIT) && ((flags & FLAG_CONTINUE) || next <= stage || next == 2))
    return LOGIN_INITIATOR_ERROR;
  return LOGIN_OK;
}

/* Stays in the security stage until the initiator has shown who he is. */
static uint8_t
grant (const Login *login, uint8_t flags)
{
  bool ready = login->stage != STAGE_SECURITY || login->authenticated;

  return ready && (flags & FLAG_TRANSIT) ? flags & (FLAG_TRANSIT | 0x0f) : flags & 0x0c;
}

/* True while the login goes on; DONE tells that it has succeeded. */
static bool
step (Login *login, const TargetPdu *pdu, bool *done)
{
  uint8_t flags = pdu->bhs[1];
  LoginStatus status = check_header (login, pdu);

  if (status != LOGIN_OK)
    return respond (login, pdu, 0, status);
  g_byte_array_append (login->text, pdu->data, pdu->data_len);
  if (flags & FLAG_CONTINUE)
    return login->text->len <= LOGIN_TEXT_LIMIT &&
           respond (login, pdu, flags & 0x0c, LOGIN_OK);

  status = do_text (login);
  uint8_t granted = grant (login, flags);
  if (granted & FLAG_TRANSIT)
    login->stage = (Stage) (granted & 3);
  *done = login->stage == STAGE_FULL_FEATURE;
  if (status == LOGIN_OK && *done)
    status = enter_full_feature (login);
  return respond (login, pdu, granted, status);
}

static bool
run (Login *login)
{
  g_auto (TargetPdu) pdu = { 0 };
  bool done = false;

  for (int i = 0; i < LOGIN_PDUS_MAX && !done; i++) {
    if (!target_pdu_receive (login->connection->fd, TARGET_LOGIN_BYTES, &pdu) ||
        target_pdu_opcode (&pdu) != TARGET_LOGIN_REQUEST)
      return false;
    if (i == 0)
      take_first (login, &pdu);
    if (!step (login, &pdu, &done))
      return false;
  }
  return done;
}

static void
limit_waiting (int fd, time_t seconds)
{
  struct timeval limit = { .tv_sec = seconds };

  (void) setsockopt (fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
}

bool
target_login (TargetConnection *connection)
{
  Login login = { .connection = connection,
                  .text = g_byte_array_new (),
                  .answer = g_byte_array_new () };

  limit_waiting (connection->fd, LOGIN_SECONDS);
  bool ok = run (&login);
  limit_waiting (connection->fd, 0);
  g_byte_array_unref (login.text);
  g_byte_array_unref (login.answer);
  return ok;
}
