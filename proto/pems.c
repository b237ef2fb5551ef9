#include "proto/pems.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/pk.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/version.h>
#include <mbedtls/x509_crt.h>

#include "proto/arena.h"

static enum hp_pems_result read_all(FILE *file, const char *path, char **out, char *why, size_t size)
{
    char *text = hp_mem_calloc(HP_PEM_MAX + 1);
    if (!text) {
        snprintf(why, size, "not enough memory");
        return HP_PEMS_NO_MEMORY;
    }
    size_t len = fread(text, 1, HP_PEM_MAX + 1, file);
    *out = text;
    if (ferror(file)) {
        snprintf(why, size, "cannot read %s: %s", path, strerror(errno));
        return HP_PEMS_UNREADABLE;
    }
    if (len > HP_PEM_MAX) {
        snprintf(why, size, "%s has more than %d bytes and is no PEM file", path, HP_PEM_MAX);
        return HP_PEMS_BAD;
    }
    text[len] = '\0';
    return HP_PEMS_OK;
}

static enum hp_pems_result read_text(const char *path, char **out, char *why, size_t size)
{
    FILE *file = fopen(path, "rbe");
    if (!file) {
        snprintf(why, size, "cannot read %s: %s", path, strerror(errno));
        return HP_PEMS_UNREADABLE;
    }
    enum hp_pems_result result = read_all(file, path, out, why, size);
    fclose(file);
    return result;
}

static size_t days_before_year(int year) /* since 1970, Gregorian */
{
    int y = year - 1;
    return (size_t)(y * 365 + y / 4 - y / 100 + y / 400 - 719162);
}

static int64_t seconds_of(const mbedtls_x509_time *t)
{
    static const int before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    bool leap = (t->year % 4 == 0 && t->year % 100 != 0) || t->year % 400 == 0;
    int month = t->mon >= 1 && t->mon <= 12 ? t->mon : 1;
    int64_t days = (int64_t)days_before_year(t->year) + before[month - 1] + (leap && month > 2) + t->day - 1;
    return ((days * 24 + t->hour) * 60 + t->min) * 60 + t->sec;
}

void hp_pems_date(int64_t seconds, char out[32])
{
    time_t when = (time_t)seconds;
    struct tm tm;
    if (!gmtime_r(&when, &tm) || strftime(out, 32, "%Y-%m-%d %H:%M UTC", &tm) == 0)
        snprintf(out, 32, "an unknown date");
}

/* Certificates of one file; mbed TLS counts the NUL as part of a PEM text. */
static bool parse_certificates(mbedtls_x509_crt *crt, const char *text, const char *path, char *why,
                               size_t size)
{
    if (mbedtls_x509_crt_parse(crt, (const unsigned char *)text, strlen(text) + 1) == 0)
        return true;
    snprintf(why, size, "%s is no file of certificates in PEM", path);
    return false;
}

#if MBEDTLS_VERSION_MAJOR >= 3
static int parse_key(mbedtls_pk_context *key, const char *text, mbedtls_ctr_drbg_context *random)
{
    return mbedtls_pk_parse_key(key, (const unsigned char *)text, strlen(text) + 1, NULL, 0,
                                mbedtls_ctr_drbg_random, random);
}
static int check_pair(const mbedtls_x509_crt *crt, mbedtls_pk_context *key, mbedtls_ctr_drbg_context *random)
{
    return mbedtls_pk_check_pair(&crt->pk, key, mbedtls_ctr_drbg_random, random);
}
#else
static int parse_key(mbedtls_pk_context *key, const char *text, mbedtls_ctr_drbg_context *random)
{
    (void)random;
    return mbedtls_pk_parse_key(key, (const unsigned char *)text, strlen(text) + 1, NULL, 0);
}
static int check_pair(const mbedtls_x509_crt *crt, mbedtls_pk_context *key, mbedtls_ctr_drbg_context *random)
{
    (void)random;
    return mbedtls_pk_check_pair(&crt->pk, key);
}
#endif

static bool key_fits(const mbedtls_x509_crt *crt, const char *text, const struct hp_pem_paths *paths,
                     char *why, size_t size)
{
    mbedtls_pk_context key;
    mbedtls_entropy_context entropy;
    mbedtls_ctr_drbg_context random;
    mbedtls_pk_init(&key);
    mbedtls_entropy_init(&entropy);
    mbedtls_ctr_drbg_init(&random);
    bool fits = false;
    if (mbedtls_ctr_drbg_seed(&random, mbedtls_entropy_func, &entropy, NULL, 0) != 0)
        snprintf(why, size, "the system gives no random bytes");
    else if (parse_key(&key, text, &random) != 0)
        snprintf(why, size, "%s is no private key in PEM without a password", paths->key);
    else if (check_pair(crt, &key, &random) != 0)
        snprintf(why, size, "the key in %s is not that of the certificate in %s", paths->key, paths->cert);
    else
        fits = true;
    mbedtls_ctr_drbg_free(&random);
    mbedtls_entropy_free(&entropy);
    mbedtls_pk_free(&key);
    return fits;
}

static enum hp_pems_result check_dates(const mbedtls_x509_crt *crt, const char *path, char *why, size_t size)
{
    char date[32];
    int64_t from = seconds_of(&crt->valid_from);
    int64_t until = seconds_of(&crt->valid_to);
    int64_t now = (int64_t)time(NULL);
    if (now <= until && now >= from)
        return HP_PEMS_OK;
    hp_pems_date(now > until ? until : from, date);
    snprintf(why, size, "the certificate in %s %s %s", path,
             now > until ? "expired on" : "is valid only from", date);
    return HP_PEMS_EXPIRED;
}

static enum hp_pems_result check(const struct hp_pem_paths *paths, struct hp_pems *pems, char *why,
                                 size_t size)
{
    mbedtls_x509_crt ca, own;
    mbedtls_x509_crt_init(&ca);
    mbedtls_x509_crt_init(&own);
    enum hp_pems_result result = HP_PEMS_BAD;
    if (parse_certificates(&ca, pems->ca, paths->ca, why, size) &&
        parse_certificates(&own, pems->cert, paths->cert, why, size) &&
        key_fits(&own, pems->key, paths, why, size)) {
        pems->not_after = seconds_of(&own.valid_to);
        result = check_dates(&own, paths->cert, why, size);
    }
    mbedtls_x509_crt_free(&own);
    mbedtls_x509_crt_free(&ca);
    return result;
}

enum hp_pems_result hp_pems_read(const struct hp_pem_paths *paths, struct hp_pems *pems, char *why,
                                 size_t size)
{
    enum hp_pems_result result;
    memset(pems, 0, sizeof *pems);
    if ((result = read_text(paths->ca, &pems->ca, why, size)) == HP_PEMS_OK &&
        (result = read_text(paths->cert, &pems->cert, why, size)) == HP_PEMS_OK &&
        (result = read_text(paths->key, &pems->key, why, size)) == HP_PEMS_OK)
        result = check(paths, pems, why, size);
    if (result != HP_PEMS_OK && result != HP_PEMS_EXPIRED)
        hp_pems_fini(pems);
    return result;
}

void hp_pems_fini(struct hp_pems *pems)
{
    if (pems->key)
        mbedtls_platform_zeroize(pems->key, strlen(pems->key));
    hp_mem_free(pems->ca);
    hp_mem_free(pems->cert);
    hp_mem_free(pems->key);
    memset(pems, 0, sizeof *pems);
}
