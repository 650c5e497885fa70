#include "base/pr.h"

#include "base/be.h"

#include <string.h>

#define PROTOCOL_ISCSI         5
#define TRANSPORT_ID_FIXED_LEN 24 /* FC, SAS, SRP and the like */

bool
lun_pr_type_is_valid (uint8_t type)
{
  return type == 1 || type == 3 || (type >= 5 && type <= 8);
}

bool
lun_pr_type_is_write_exclusive (uint8_t type)
{
  return type == LUN_PR_WRITE_EXCLUSIVE || type == LUN_PR_WRITE_EXCLUSIVE_REGISTRANTS ||
         type == LUN_PR_WRITE_EXCLUSIVE_ALL;
}

bool
lun_pr_type_serves_registrants (uint8_t type)
{
  return type >= LUN_PR_WRITE_EXCLUSIVE_REGISTRANTS && lun_pr_type_is_valid (type);
}

bool
lun_pr_type_is_all_registrants (uint8_t type)
{
  return type == LUN_PR_WRITE_EXCLUSIVE_ALL || type == LUN_PR_EXCLUSIVE_ACCESS_ALL;
}

LunCdb
lun_cdb_pr_in (LunPrInAction action, uint16_t alloc_len)
{
  LunCdb cdb = { .len = 10 };

  cdb.b[0] = LUN_SCSI_PERSISTENT_RESERVE_IN;
  cdb.b[1] = (uint8_t) action;
  lun_be16_put (cdb.b + 7, alloc_len);
  return cdb;
}

LunCdb
lun_cdb_pr_out (LunPrOutAction action, uint8_t type, uint32_t param_len)
{
  LunCdb cdb = { .len = 10 };

  cdb.b[0] = LUN_SCSI_PERSISTENT_RESERVE_OUT;
  cdb.b[1] = (uint8_t) action;
  cdb.b[2] = type & 0x0f;
  lun_be32_put (cdb.b + 5, param_len);
  return cdb;
}

void
lun_pr_out_encode (const LunPrOut *param, uint8_t out[LUN_PR_OUT_LEN])
{
  memset (out, 0, LUN_PR_OUT_LEN);
  lun_be64_put (out, param->key);
  lun_be64_put (out + 8, param->service_key);
  out[20] = (uint8_t) (param->spec_i_pt << 3 | param->all_tg_pt << 2 | param->aptpl);
}

bool
lun_pr_out_decode (const uint8_t *data, size_t len, LunPrOut *out)
{
  if (len < LUN_PR_OUT_LEN)
    return false;
  *out = (LunPrOut){ .key = lun_be64_get (data),
                     .service_key = lun_be64_get (data + 8),
                     .spec_i_pt = data[20] & 0x08,
                     .all_tg_pt = data[20] & 0x04,
                     .aptpl = data[20] & 0x01 };
  return true;
}

void
lun_pr_move_encode (const LunPrMove *move, GByteArray *out)
{
  g_autoptr (GByteArray) id = g_byte_array_new ();
  uint8_t head[24] = { 0 };

  lun_transport_id_encode (move->port, id);
  lun_be64_put (head, move->key);
  lun_be64_put (head + 8, move->service_key);
  head[17] = (uint8_t) (move->unregister << 1 | move->aptpl);
  lun_be16_put (head + 18, move->relative_port);
  lun_be32_put (head + 20, id->len);
  g_byte_array_append (out, head, sizeof head);
  g_byte_array_append (out, id->data, id->len);
}

bool
lun_pr_move_decode (const uint8_t *data, size_t len, LunPrMove *out)
{
  size_t used;

  if (len < 24 || lun_be32_get (data + 20) != len - 24)
    return false;
  char *port = lun_transport_id_decode (data + 24, len - 24, &used);
  if (port == NULL || used != len - 24) {
    g_free (port);
    return false;
  }
  *out = (LunPrMove){ .key = lun_be64_get (data),
                      .service_key = lun_be64_get (data + 8),
                      .unregister = data[17] & 0x02,
                      .aptpl = data[17] & 0x01,
                      .relative_port = lun_be16_get (data + 18),
                      .port = port };
  return true;
}

static void
append_head (GByteArray *out, uint32_t generation, uint32_t additional_len)
{
  uint8_t head[8];

  lun_be32_put (head, generation);
  lun_be32_put (head + 4, additional_len);
  g_byte_array_append (out, head, sizeof head);
}

void
lun_pr_keys_encode (const LunPrKeys *keys, GByteArray *out)
{
  append_head (out, keys->generation, keys->n_keys * 8);
  for (uint32_t i = 0; i < keys->n_keys; i++) {
    uint8_t key[8];
    lun_be64_put (key, keys->keys[i]);
    g_byte_array_append (out, key, sizeof key);
  }
}

bool
lun_pr_keys_decode (const uint8_t *data, size_t len, LunPrKeys *out)
{
  if (len < 8)
    return false;

  uint32_t additional_len = lun_be32_get (data + 4);
  size_t there = MIN (len - 8, (size_t) additional_len);
  *out = (LunPrKeys){ .generation = lun_be32_get (data),
                      .n_total = additional_len / 8,
                      .n_keys = (uint32_t) (there / 8) };
  out->keys = g_new (uint64_t, out->n_keys);
  for (uint32_t i = 0; i < out->n_keys; i++)
    out->keys[i] = lun_be64_get (data + 8 + (size_t) i * 8);
  return true;
}

void
lun_pr_reservation_encode (const LunPrReservation *reservation, GByteArray *out)
{
  uint8_t body[16] = { 0 };

  append_head (out, reservation->generation, reservation->reserved ? sizeof body : 0);
  if (!reservation->reserved)
    return;
  lun_be64_put (body, reservation->key);
  body[13] = (uint8_t) (reservation->scope << 4 | (reservation->type & 0x0f));
  g_byte_array_append (out, body, sizeof body);
}

bool
lun_pr_reservation_decode (const uint8_t *data, size_t len, LunPrReservation *out)
{
  if (len < 8)
    return false;
  *out = (LunPrReservation){ .generation = lun_be32_get (data) };
  if (lun_be32_get (data + 4) < 16)
    return true;
  if (len < 24)
    return false;
  out->reserved = true;
  out->key = lun_be64_get (data + 8);
  out->scope = data[21] >> 4;
  out->type = data[21] & 0x0f;
  return true;
}

/* Byte 4 holds types 7, 6, 5, 3, 1 in bits 7, 6, 5, 3, 1; byte 5 type 8 in bit 0. */
void
lun_pr_capabilities_encode (const LunPrCapabilities *capabilities,
                            uint8_t out[LUN_PR_CAPABILITIES_LEN])
{
  memset (out, 0, LUN_PR_CAPABILITIES_LEN);
  lun_be16_put (out, LUN_PR_CAPABILITIES_LEN);
  out[2] =
    (uint8_t) (capabilities->compatible_reserve << 4 | capabilities->spec_i_pt << 3 |
               capabilities->all_tg_pt << 2 | capabilities->aptpl_capable);
  out[3] =
    (uint8_t) (capabilities->types_valid << 7 |
               (capabilities->allow_commands & 7) << 4 | capabilities->aptpl_active);
  out[4] = (uint8_t) capabilities->types;
  out[5] = (uint8_t) (capabilities->types >> 8);
}

bool
lun_pr_capabilities_decode (const uint8_t *data, size_t len, LunPrCapabilities *out)
{
  if (len < LUN_PR_CAPABILITIES_LEN || lun_be16_get (data) < LUN_PR_CAPABILITIES_LEN)
    return false;
  *out = (LunPrCapabilities){ .compatible_reserve = data[2] & 0x10,
                              .spec_i_pt = data[2] & 0x08,
                              .all_tg_pt = data[2] & 0x04,
                              .aptpl_capable = data[2] & 0x01,
                              .aptpl_active = data[3] & 0x01,
                              .types_valid = data[3] & 0x80,
                              .allow_commands = data[3] >> 4 & 7,
                              .types = (uint16_t) (data[4] | data[5] << 8) };
  return true;
}

void
lun_pr_full_status_encode (uint32_t generation, const LunPrStatus *status, size_t n,
                           GByteArray *out)
{
  guint start = out->len;

  append_head (out, generation, 0);
  for (size_t i = 0; i < n; i++) {
    g_autoptr (GByteArray) id = g_byte_array_new ();
    uint8_t head[24] = { 0 };

    lun_transport_id_encode (status[i].port, id);
    lun_be64_put (head, status[i].key);
    head[12] = (uint8_t) (status[i].all_tg_pt << 1 | status[i].holder);
    if (status[i].holder)
      head[13] = (uint8_t) (status[i].scope << 4 | (status[i].type & 0x0f));
    lun_be16_put (head + 18, status[i].relative_port);
    lun_be32_put (head + 20, id->len);
    g_byte_array_append (out, head, sizeof head);
    g_byte_array_append (out, id->data, id->len);
  }
  lun_be32_put (out->data + start + 4, out->len - start - 8);
}

static void
clear_status (gpointer data)
{
  LunPrStatus *status = data;

  g_free (status->port);
}

bool
lun_pr_full_status_decode (const uint8_t *data, size_t len, LunPrFullStatus *out)
{
  if (len < 8)
    return false;

  size_t end = 8 + MIN (len - 8, (size_t) lun_be32_get (data + 4));
  out->generation = lun_be32_get (data);
  out->registrations = g_array_new (FALSE, TRUE, sizeof (LunPrStatus));
  g_array_set_clear_func (out->registrations, clear_status);
  for (size_t at = 8; end - at >= 24;) {
    const uint8_t *p = data + at;
    size_t id_len = lun_be32_get (p + 20);
    size_t used;
    if (id_len > end - at - 24)
      break;
    LunPrStatus status = { .key = lun_be64_get (p),
                           .all_tg_pt = p[12] & 0x02,
                           .holder = p[12] & 0x01,
                           .scope = p[13] >> 4,
                           .type = p[13] & 0x0f,
                           .relative_port = lun_be16_get (p + 18),
                           .port = lun_transport_id_decode (p + 24, id_len, &used) };
    if (status.port == NULL)
      break;
    g_array_append_val (out->registrations, status);
    at += 24 + id_len;
  }
  return true;
}

void
lun_pr_full_status_clear (LunPrFullStatus *status)
{
  g_clear_pointer (&status->registrations, g_array_unref);
}

void
lun_transport_id_encode (const char *port, GByteArray *out)
{
  size_t name_len = strlen (port) + 1;
  size_t len = MAX ((name_len + 3) & ~(size_t) 3, 20);
  guint start = out->len;
  uint8_t format = strstr (port, ",i,0x") != NULL;

  g_byte_array_set_size (out, (guint) (start + 4 + len));
  uint8_t *p = out->data + start;
  memset (p, 0, 4 + len);
  p[0] = (uint8_t) (format << 6 | PROTOCOL_ISCSI);
  lun_be16_put (p + 2, (uint16_t) len);
  memcpy (p + 4, port, name_len);
}

static char *
decode_iscsi (const uint8_t *data, size_t len, size_t *used)
{
  size_t name_len = lun_be16_get (data + 2);

  if (name_len < 20 || name_len % 4 != 0 || name_len > len - 4)
    return NULL;
  const char *name = (const char *) data + 4;
  if (strnlen (name, name_len) == name_len || name[0] == '\0')
    return NULL;
  *used = 4 + name_len;
  return g_strdup (name);
}

char *
lun_transport_id_decode (const uint8_t *data, size_t len, size_t *used)
{
  if (len < TRANSPORT_ID_FIXED_LEN)
    return NULL;
  if ((data[0] & 0x0f) == PROTOCOL_ISCSI)
    return decode_iscsi (data, len, used);

  GString *text = g_string_new (NULL);
  g_string_append_printf (text, "proto-%u:", data[0] & 0x0fu);
  for (int i = 1; i < TRANSPORT_ID_FIXED_LEN; i++)
    g_string_append_printf (text, "%02x", data[i]);
  *used = TRANSPORT_ID_FIXED_LEN;
  return g_string_free (text, FALSE);
}
