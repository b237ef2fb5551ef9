/* hotpatch: the three PEM files of one side of a TLS connection: whom it trusts (`ca`), what it shows
 * (`cert`) and the key of that. Read whole and checked before anybody is told to use them, so that a bad file
 * is a sentence and no failed handshake. The agent and the client both come here; nng does the TLS itself.
 * Any thread; no locks.
 */
#ifndef HP_PEMS_H
#define HP_PEMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HP_PEM_MAX (256 * 1024) /* bytes of one file */

struct hp_pem_paths {
    const char *ca, *cert, *key;
};

enum hp_pems_result {
    HP_PEMS_OK,
    HP_PEMS_UNREADABLE, /* a file cannot be read */
    HP_PEMS_BAD,        /* not PEM, or the key is not the certificate's */
    HP_PEMS_EXPIRED,    /* whole and of one piece, but out of date, or not valid yet */
    HP_PEMS_NO_MEMORY,
};

struct hp_pems { /* texts end with NUL; hp_mem */
    char *ca, *cert, *key;
    int64_t not_after; /* of the certificate; seconds since 1970 */
};

/* Reads and checks. On anything but HP_PEMS_OK a sentence is in `why`. HP_PEMS_OK and HP_PEMS_EXPIRED fill
 * `pems`, for hp_pems_fini; the others leave it empty. */
enum hp_pems_result hp_pems_read(const struct hp_pem_paths *paths, struct hp_pems *pems, char *why,
                                 size_t size);

/* Overwrites the key before it is freed. Fine when empty. */
void hp_pems_fini(struct hp_pems *pems);

/* "2026-11-21 04:30 UTC" */
void hp_pems_date(int64_t seconds, char out[32]);

#endif
