/* hotpatch: minisign's formats; the contract is in minisign.h. */
#include "proto/minisign.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define UNTRUSTED "untrusted comment: "
#define TRUSTED   "trusted comment: "

enum {
    HASH_SIZE = 64,
    PUBLIC_SIZE = 2 + 8 + 32,                /* algorithm, number, key */
    SIGNATURE_SIZE = 2 + 8 + 64,             /* algorithm, number, signature */
    LOCKED_SIZE = 8 + 64 + 32,               /* number, key, checksum: what the password hides */
    SECRET_SIZE = 6 + 32 + 16 + LOCKED_SIZE, /* three algorithms, salt, two limits */
};

struct span {
    const char *data;
    size_t len;
};

static bool ready(void)
{
    return sodium_init() >= 0;
}

void hp_minisign_id(const uint8_t number[8], char out[HP_MINISIGN_ID_SIZE])
{
    for (int i = 0; i < 8; i++)
        snprintf(out + 2 * i, 3, "%02X", number[7 - i]);
}

/* --- lines ------------------------------------------------------------------------------------ */

/* The next line, without its end; both kinds of end are known. False: there is none. */
static bool next_line(struct span *text, struct span *line)
{
    if (text->len == 0)
        return false;
    const char *end = memchr(text->data, '\n', text->len);
    size_t len = end ? (size_t)(end - text->data) : text->len;
    *line = (struct span){text->data, len};
    if (line->len > 0 && line->data[line->len - 1] == '\r')
        line->len--;
    text->data += len + (end != NULL);
    text->len -= len + (end != NULL);
    return true;
}

static bool begins_with(struct span line, const char *prefix)
{
    size_t len = strlen(prefix);
    return line.len >= len && memcmp(line.data, prefix, len) == 0;
}

static bool decode(struct span line, uint8_t *out, size_t size)
{
    size_t got;
    const char *end;
    return sodium_base642bin(out, size, line.data, line.len, " \t", &got, &end,
                             sodium_base64_VARIANT_ORIGINAL) == 0 &&
           got == size && end == line.data + line.len;
}

/* The base64 line of a key file: behind its comment, if it has one. */
static bool key_line(const char *text, size_t len, struct span *line)
{
    struct span rest = {text, len};
    if (len > HP_MINISIGN_TEXT_MAX || !next_line(&rest, line))
        return false;
    return !begins_with(*line, UNTRUSTED) || next_line(&rest, line);
}

/* --- public keys ------------------------------------------------------------------------------ */

bool hp_public_key_read(const char *text, size_t len, struct hp_public_key *out)
{
    uint8_t raw[PUBLIC_SIZE];
    struct span line;
    if (!ready() || !key_line(text, len, &line) || !decode(line, raw, sizeof raw) ||
        memcmp(raw, "Ed", 2) != 0)
        return false;
    memcpy(out->number, raw + 2, sizeof out->number);
    memcpy(out->key, raw + 10, sizeof out->key);
    return true;
}

/* --- signatures ------------------------------------------------------------------------------- */

struct signature {
    uint8_t raw[SIGNATURE_SIZE];
    uint8_t global[64];
    struct span comment; /* the trusted one */
};

static bool read_signature(const char *text, size_t len, struct signature *out)
{
    struct span rest = {text, len}, line;
    if (!ready() || len > HP_MINISIGN_TEXT_MAX || !next_line(&rest, &line) || !begins_with(line, UNTRUSTED) ||
        !next_line(&rest, &line) || !decode(line, out->raw, sizeof out->raw) ||
        !next_line(&rest, &out->comment) || !begins_with(out->comment, TRUSTED) || !next_line(&rest, &line) ||
        !decode(line, out->global, sizeof out->global))
        return false;
    out->comment.data += strlen(TRUSTED);
    out->comment.len -= strlen(TRUSTED);
    return memcmp(out->raw, "ED", 2) == 0 || memcmp(out->raw, "Ed", 2) == 0;
}

bool hp_signature_key(const char *text, size_t len, uint8_t number[8])
{
    struct signature s;
    if (!read_signature(text, len, &s))
        return false;
    memcpy(number, s.raw + 2, 8);
    return true;
}

static bool check_message(const struct signature *s, const struct hp_public_key *key, const void *message,
                          size_t len)
{
    uint8_t hash[HASH_SIZE];
    const unsigned char *bytes = message;
    if (s->raw[1] == 'd')
        return crypto_sign_verify_detached(s->raw + 10, bytes, len, key->key) == 0;
    crypto_generichash(hash, sizeof hash, bytes, len, NULL, 0);
    return crypto_sign_verify_detached(s->raw + 10, hash, sizeof hash, key->key) == 0;
}

/* The first signature and the trusted comment, as the second one covers them: its length. */
static size_t join(uint8_t out[64 + HP_MINISIGN_TEXT_MAX], const uint8_t signature[64], struct span comment)
{
    memcpy(out, signature, 64);
    memcpy(out + 64, comment.data, comment.len);
    return 64 + comment.len;
}

bool hp_signature_check(const char *text, size_t len, const struct hp_public_key *key, const void *message,
                        size_t message_len, char comment[HP_MINISIGN_COMMENT_MAX])
{
    struct signature s;
    uint8_t joined[64 + HP_MINISIGN_TEXT_MAX];
    if (!read_signature(text, len, &s) || memcmp(s.raw + 2, key->number, sizeof key->number) != 0 ||
        !check_message(&s, key, message, message_len))
        return false;
    size_t joined_len = join(joined, s.raw + 10, s.comment);
    if (crypto_sign_verify_detached(s.global, joined, joined_len, key->key) != 0)
        return false;
    if (comment)
        snprintf(comment, HP_MINISIGN_COMMENT_MAX, "%.*s", (int)s.comment.len, s.comment.data);
    return true;
}

/* --- secret keys ------------------------------------------------------------------------------ */

static bool read_secret(const char *text, size_t len, uint8_t raw[SECRET_SIZE])
{
    struct span line;
    bool locked = false;
    if (!ready() || !key_line(text, len, &line) || !decode(line, raw, SECRET_SIZE))
        return false;
    locked = memcmp(raw + 2, "Sc", 2) == 0;
    return memcmp(raw, "Ed", 2) == 0 && memcmp(raw + 4, "B2", 2) == 0 &&
           (locked || memcmp(raw + 2, "\0\0", 2) == 0);
}

bool hp_secret_key_is_locked(const char *text, size_t len)
{
    uint8_t raw[SECRET_SIZE];
    bool locked = read_secret(text, len, raw) && raw[2] == 'S';
    sodium_memzero(raw, sizeof raw);
    return locked;
}

static uint64_t little_endian(const uint8_t bytes[8])
{
    uint64_t value = 0;
    for (int i = 7; i >= 0; i--)
        value = value << 8 | bytes[i];
    return value;
}

/* Takes the mask off that the password makes. */
static bool unlock(uint8_t raw[SECRET_SIZE], const char *password)
{
    uint8_t mask[LOCKED_SIZE];
    uint8_t *hidden = raw + SECRET_SIZE - LOCKED_SIZE;
    if (crypto_pwhash_scryptsalsa208sha256(mask, sizeof mask, password, strlen(password), raw + 6,
                                           little_endian(raw + 38), (size_t)little_endian(raw + 46)) != 0)
        return false;
    for (size_t i = 0; i < sizeof mask; i++)
        hidden[i] ^= mask[i];
    sodium_memzero(mask, sizeof mask);
    return true;
}

/* The checksum is over the algorithm, the number and the key. Keys without a password have none: zeros. */
static bool is_whole(const uint8_t raw[SECRET_SIZE], bool locked)
{
    uint8_t covered[2 + 8 + 64], sum[32];
    const uint8_t *hidden = raw + SECRET_SIZE - LOCKED_SIZE;
    if (!locked && sodium_is_zero(hidden + 8 + 64, sizeof sum))
        return true;
    memcpy(covered, raw, 2);
    memcpy(covered + 2, hidden, 8 + 64);
    crypto_generichash(sum, sizeof sum, covered, sizeof covered, NULL, 0);
    sodium_memzero(covered, sizeof covered);
    return sodium_memcmp(sum, hidden + 8 + 64, sizeof sum) == 0;
}

enum hp_secret_key_result hp_secret_key_read(const char *text, size_t len, const char *password,
                                             struct hp_secret_key *out)
{
    uint8_t raw[SECRET_SIZE];
    const uint8_t *hidden = raw + SECRET_SIZE - LOCKED_SIZE;
    enum hp_secret_key_result result = HP_SECRET_KEY_NONE;
    memset(out, 0, sizeof *out);
    if (read_secret(text, len, raw)) {
        bool locked = raw[2] == 'S';
        result = locked && !password                ? HP_SECRET_KEY_PASSWORD
                 : locked && !unlock(raw, password) ? HP_SECRET_KEY_NO_MEMORY
                 : !is_whole(raw, locked)           ? HP_SECRET_KEY_PASSWORD
                                                    : HP_SECRET_KEY_OK;
    }
    if (result == HP_SECRET_KEY_OK) {
        memcpy(out->number, hidden, sizeof out->number);
        memcpy(out->key, hidden + 8, sizeof out->key);
    }
    sodium_memzero(raw, sizeof raw);
    return result;
}

void hp_secret_key_wipe(struct hp_secret_key *key)
{
    sodium_memzero(key, sizeof *key);
}

/* --- signing ---------------------------------------------------------------------------------- */

bool hp_signature_make(const struct hp_secret_key *key, const void *message, size_t message_len,
                       const char *trusted, char out[HP_MINISIGN_TEXT_MAX])
{
    uint8_t hash[HASH_SIZE], raw[SIGNATURE_SIZE] = "ED", global[64];
    uint8_t joined[64 + HP_MINISIGN_TEXT_MAX];
    char first[sodium_base64_ENCODED_LEN(SIGNATURE_SIZE, sodium_base64_VARIANT_ORIGINAL)];
    char second[sodium_base64_ENCODED_LEN(64, sodium_base64_VARIANT_ORIGINAL)];
    if (!ready() || strlen(trusted) >= HP_MINISIGN_COMMENT_MAX)
        return false;
    crypto_generichash(hash, sizeof hash, message, message_len, NULL, 0);
    memcpy(raw + 2, key->number, sizeof key->number);
    crypto_sign_detached(raw + 10, NULL, hash, sizeof hash, key->key);
    size_t joined_len = join(joined, raw + 10, (struct span){trusted, strlen(trusted)});
    crypto_sign_detached(global, NULL, joined, joined_len, key->key);
    sodium_bin2base64(first, sizeof first, raw, sizeof raw, sodium_base64_VARIANT_ORIGINAL);
    sodium_bin2base64(second, sizeof second, global, sizeof global, sodium_base64_VARIANT_ORIGINAL);
    int len = snprintf(out, HP_MINISIGN_TEXT_MAX,
                       UNTRUSTED "signature from hotpatch\n%s\n" TRUSTED "%s\n%s\n", first, trusted, second);
    return len > 0 && len < HP_MINISIGN_TEXT_MAX;
}
