/* hotpatch: signatures and keys of minisign: those that it made itself, and everything else that may be in
 * such a file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "proto/minisign.h"

/* Made by minisign 0.11: -G -W, and -S with and without -l, over MESSAGE. */
#define MESSAGE "what was signed\n"
#define PUBLIC                                                                                               \
    "untrusted comment: minisign public key DA7293EAB8E2FBCE\n"                                              \
    "RWTO++K46pNy2k3TD3znFaST1YiBG7GIyXqKWUdb3ZHMnGocqlxl0ODZ\n"
#define SECRET                                                                                               \
    "untrusted comment: minisign encrypted secret key\n"                                                     \
    "RWQAAEIyAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAzvviuOqTctpiyqDu"               \
    "P2/NIV57ujgz1UoJG9niq6V50A6rrosweAJUyk3TD3znFaST1YiBG7GIyXqKWUdb3ZHMnGocqlxl0ODZAAAAAAAA"               \
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
#define HASHED                                                                                               \
    "untrusted comment: signature from minisign secret key\n"                                                \
    "RUTO++K46pNy2uXILEtstn1YxWC85q2coB9v5xdBXHyBD7O0ZnmdjGftNNPhEnlgRCMuY8uYd5wVyZV3aOFniH7S"               \
    "uRJfjDPGCAw=\n"                                                                                         \
    "trusted comment: by minisign\n"                                                                         \
    "hAhYRxHig32sbG1nzsA1Dojde/Jy09ckA7AsD+0QNofmWbh8f71N/akRIKWwjYzbVWm+K+2hoZ3IVQhKtIezBA==\n"
#define LEGACY                                                                                               \
    "untrusted comment: signature from minisign secret key\n"                                                \
    "RWTO++K46pNy2u6ZUggkOC+YdO7Fsj4G7rCqIkjLtpO8KxpXD1Tuz8mjJmU8HCbx29REzTzDAJFXhMxkStYkDH8n"               \
    "4rr/PYMcvw0=\n"                                                                                         \
    "trusted comment: by minisign\n"                                                                         \
    "Mbw/KI1XkeIux77tWbbVIngEr4HAZlW9AXN0wv7FeK8YoZqAMVW2XK7yJshQw89r+ZIvBMCcZcUZAi6wxbALCg==\n"
#define LOCKED                                                                                               \
    "untrusted comment: minisign encrypted secret key\n"                                                     \
    "RWRTY0IyAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8AgAAAAAAAAAAAAAEAAAAABZQ649CvDMxNSBzK"               \
    "Ivski1TKA1PmxD7w2h36+Kb2YS3QBa6/sg0UJGzo8p+TY4ORERyFHDMeJRq4C57c60dleYtoLklmHJlVCe2qw3OU"               \
    "EuhaAkLe+pJ0vVw89YrVJlOCLfxeKGdb7rQ=\n"

static const char *const signatures[] = {HASHED, LEGACY};

static struct hp_public_key key;
static char comment[HP_MINISIGN_COMMENT_MAX];

static bool check(const char *text, const char *message)
{
    return hp_signature_check(text, strlen(text), &key, message, strlen(message), comment);
}

static int setup(void **state)
{
    (void)state;
    return hp_public_key_read(PUBLIC, strlen(PUBLIC), &key) ? 0 : -1;
}

static void takes_what_minisign_makes(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        assert_true(check(signatures[i], MESSAGE));
        assert_string_equal(comment, "by minisign");
        assert_false(check(signatures[i], "what was signed"));
    }
}

static void keys_have_numbers(void **state)
{
    (void)state;
    char id[HP_MINISIGN_ID_SIZE];
    uint8_t number[8];
    hp_minisign_id(key.number, id);
    assert_non_null(strstr(PUBLIC, id)); /* minisign says it in the untrusted comment */
    assert_true(hp_signature_key(HASHED, strlen(HASHED), number));
    assert_memory_equal(number, key.number, sizeof number);
}

static void a_bare_key_will_do(void **state)
{
    (void)state;
    struct hp_public_key bare;
    const char *line = strchr(PUBLIC, '\n') + 1;
    assert_true(hp_public_key_read(line, strlen(line), &bare));
    assert_true(hp_public_key_read(line, strlen(line) - 1, &bare));
    assert_memory_equal(&bare, &key, sizeof bare);
}

/* Every byte of a signature file counts, but for the untrusted comment and the ends of lines. */
static void no_byte_can_be_changed(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        char text[HP_MINISIGN_TEXT_MAX];
        size_t free_until = (size_t)(strchr(signatures[i], '\n') - signatures[i]);
        for (size_t at = 0; signatures[i][at]; at++) {
            bool counts = at < strlen("untrusted comment: ") || at > free_until;
            snprintf(text, sizeof text, "%s", signatures[i]);
            text[at] = text[at] == 'A' ? 'B' : 'A';
            if (counts && check(text, MESSAGE))
                fail_msg("byte %zu of signature %zu", at, i);
        }
    }
}

static void no_file_can_be_cut(void **state)
{
    (void)state;
    struct hp_public_key other;
    for (size_t len = 0; len < strlen(HASHED) - 1; len++)
        assert_false(hp_signature_check(HASHED, len, &key, MESSAGE, strlen(MESSAGE), NULL));
    for (size_t len = 0; len < strlen(PUBLIC) - 1; len++)
        assert_false(hp_public_key_read(PUBLIC, len, &other));
    struct hp_secret_key secret;
    for (size_t len = 0; len < strlen(SECRET) - 1; len++)
        assert_int_equal(hp_secret_key_read(SECRET, len, NULL, &secret), HP_SECRET_KEY_NONE);
}

static void files_of_the_other_kinds_are_none(void **state)
{
    (void)state;
    struct hp_public_key other;
    struct hp_secret_key secret;
    uint8_t number[8];
    char huge[2 * HP_MINISIGN_TEXT_MAX];
    memset(huge, 'A', sizeof huge);
    assert_false(hp_public_key_read(HASHED, strlen(HASHED), &other));
    assert_false(hp_public_key_read(SECRET, strlen(SECRET), &other));
    assert_false(hp_public_key_read(huge, sizeof huge, &other));
    assert_false(hp_signature_key(PUBLIC, strlen(PUBLIC), number));
    assert_false(hp_signature_key(huge, sizeof huge, number));
    assert_int_equal(hp_secret_key_read(PUBLIC, strlen(PUBLIC), NULL, &secret), HP_SECRET_KEY_NONE);
    assert_false(hp_secret_key_is_locked(PUBLIC, strlen(PUBLIC)));
}

static void signs_what_it_checks(void **state)
{
    (void)state;
    struct hp_secret_key secret;
    char text[HP_MINISIGN_TEXT_MAX], wide[HP_MINISIGN_COMMENT_MAX + 1];
    assert_false(hp_secret_key_is_locked(SECRET, strlen(SECRET)));
    assert_int_equal(hp_secret_key_read(SECRET, strlen(SECRET), NULL, &secret), HP_SECRET_KEY_OK);
    assert_true(hp_signature_make(&secret, MESSAGE, strlen(MESSAGE), "by us", text));
    assert_true(check(text, MESSAGE));
    assert_string_equal(comment, "by us");
    memset(wide, 'x', sizeof wide - 1);
    wide[sizeof wide - 1] = '\0';
    assert_false(hp_signature_make(&secret, MESSAGE, strlen(MESSAGE), wide, text));
    hp_secret_key_wipe(&secret);
}

/* Locked with the password "geheim" and little memory (minisign's own take a gigabyte). */
static void a_password_unlocks(void **state)
{
    (void)state;
    struct hp_secret_key secret, plain;
    assert_true(hp_secret_key_is_locked(LOCKED, strlen(LOCKED)));
    assert_int_equal(hp_secret_key_read(LOCKED, strlen(LOCKED), NULL, &secret), HP_SECRET_KEY_PASSWORD);
    assert_int_equal(hp_secret_key_read(LOCKED, strlen(LOCKED), "falsch", &secret), HP_SECRET_KEY_PASSWORD);
    assert_int_equal(hp_secret_key_read(LOCKED, strlen(LOCKED), "geheim", &secret), HP_SECRET_KEY_OK);
    assert_int_equal(hp_secret_key_read(SECRET, strlen(SECRET), NULL, &plain), HP_SECRET_KEY_OK);
    assert_memory_equal(&secret, &plain, sizeof secret);
}

#define EACH(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(takes_what_minisign_makes), EACH(keys_have_numbers),  EACH(a_bare_key_will_do),
        EACH(no_byte_can_be_changed),    EACH(no_file_can_be_cut), EACH(files_of_the_other_kinds_are_none),
        EACH(signs_what_it_checks),      EACH(a_password_unlocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
