/* hotpatch: signatures and keys in the file formats of minisign (Ed25519), so that minisign makes and checks
 * what hotpatch checks and makes. By libsodium; its one door.
 *
 * A signature file has four lines: an untrusted comment; base64 of algorithm, key number and signature; a
 * trusted comment; base64 of a second signature, over the first and the trusted comment. Algorithm "ED" (what
 * minisign makes) signs the BLAKE2b-512 of the message, "Ed" (old) the message itself; both are taken, "ED"
 * is made. No state; any thread.
 */
#ifndef HP_MINISIGN_H
#define HP_MINISIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HP_MINISIGN_ID_SIZE     17 /* "E7620F1842B4E81F" and NUL: how minisign writes a key's number */
#define HP_MINISIGN_COMMENT_MAX 1024
#define HP_MINISIGN_TEXT_MAX    4096 /* of a file: longer ones are none */

struct hp_public_key {
    uint8_t number[8];
    uint8_t key[32];
};

struct hp_secret_key { /* to be wiped after use: hp_secret_key_wipe */
    uint8_t number[8];
    uint8_t key[64];
};

void hp_minisign_id(const uint8_t number[8], char out[HP_MINISIGN_ID_SIZE]);

/* From the text of a public key file, or from its base64 line alone. */
bool hp_public_key_read(const char *text, size_t len, struct hp_public_key *out);

/* The number of the key that made it. False: this is no signature. */
bool hp_signature_key(const char *text, size_t len, uint8_t number[8]);

/* Was this made with that key, over these bytes, trusted comment included? The comment, if wanted, is copied,
 * cut to fit. */
bool hp_signature_check(const char *text, size_t len, const struct hp_public_key *key, const void *message,
                        size_t message_len, char comment[HP_MINISIGN_COMMENT_MAX]);

/* Does the text of a secret key file ask for a password? False also where it is no such file. */
bool hp_secret_key_is_locked(const char *text, size_t len);

enum hp_secret_key_result {
    HP_SECRET_KEY_OK,
    HP_SECRET_KEY_NONE,      /* this is no secret key of minisign */
    HP_SECRET_KEY_PASSWORD,  /* wrong password, or a damaged file */
    HP_SECRET_KEY_NO_MEMORY, /* unlocking takes what the file says: 1 GB as minisign makes it */
};
/* `password` may be NULL for a key without one. On anything but OK `out` is wiped. */
enum hp_secret_key_result hp_secret_key_read(const char *text, size_t len, const char *password,
                                             struct hp_secret_key *out);
void hp_secret_key_wipe(struct hp_secret_key *key);

/* The text of a signature file. `trusted` is the trusted comment, without control characters. False: it did
 * not fit, or the system has no libsodium that works. */
bool hp_signature_make(const struct hp_secret_key *key, const void *message, size_t message_len,
                       const char *trusted, char out[HP_MINISIGN_TEXT_MAX]);

#endif
