/* hotpatch: the words of outcome, in one place: what they are called, what they mean, what a script should
 * do. */
#ifndef HP_STATUS_H
#define HP_STATUS_H

#include <stdbool.h>
#include <stddef.h>

enum hp_status {
    HP_OK, /* the answer of status, log, ps, inspect, eval */
    HP_APPLIED,
    HP_PLANNED,
    HP_REVERTED,
    HP_NO_CHANGE,
    HP_DIFFERS, /* verify: what runs is not what the source says */
    HP_LOAD_FAILED,
    HP_FAILED,
    HP_NO_MEMORY,
    HP_LIMIT,
    HP_CONFLICT,
    HP_ROLLED_BACK,
    HP_REFUSED,
    HP_UNREACHABLE,
    HP_VERSION_MISMATCH,
    HP_NO_AGENT,
    HP_DENIED,
    HP_TIMEOUT,
    HP_BUSY,
    HP_MALFORMED,
    HP_UNSUPPORTED,
    HP_PARTIAL,
    HP_USAGE,     /* exit 64; never on the wire */
    HP_UNCERTAIN, /* exit 70; never on the wire */
    HP_STATUS_COUNT
};

struct hp_status_info {
    const char *word;     /* "load_failed" */
    int exit;             /* of the command */
    bool retry;           /* the same request may succeed later, unchanged */
    bool nothing_changed; /* a promise about the server */
    const char *sentence; /* for people */
};

const struct hp_status_info *hp_status_info(enum hp_status status); /* never NULL */
/* -1 when the word is unknown. */
int hp_status_from_word(const char *word);

/* Why an edit is warned about or refused. The numbers are stable and public (R02 … R20); the gaps stay gaps.
 */
enum hp_reason {
    HP_R00_NONE = 0,
    HP_R02_AMBIGUOUS = 2,
    HP_R03_NO_BASE = 3,
    HP_R04_KIND_CHANGED = 4,
    HP_R05_PARAMETERS = 5,
    HP_R06_UNPAIRED = 6,
    HP_R07_NO_VALUE = 7,
    HP_R08_STILL_RUNNING = 8,
    HP_R09_UNREPLAYABLE = 9,
    HP_R10_METATABLE = 10,
    HP_R11_EFFECTS = 11,
    HP_R12_VALUE_KEPT = 12,
    HP_R13_GONE = 13,
    HP_R14_NOT_PATCHABLE = 14,
    HP_R16_NOT_THE_BASE = 16,
    HP_R17_DENIED = 17,
    HP_R18_LOOP_TABLE = 18,
    HP_R19_IRREVERSIBLE = 19,
    HP_R20_LONG_STOP = 20,
    HP_REASON_MAX = 20
};

enum hp_reason_default { HP_REASON_REPORT, HP_REASON_WARN, HP_REASON_REFUSE };

struct hp_reason_info {
    const char *code;  /* "R06" */
    const char *title; /* one sentence, no full stop */
    enum hp_reason_default by_default;
    bool acceptable;     /* --accept turns its refusal into a warning (not R14, R17) */
    const char *meaning; /* a paragraph for `hotpatch explain` */
    const char *example; /* Lua, several lines: before and after */
    const char *remedy;  /* what to do next */
};

const struct hp_reason_info *hp_reason_info(int reason); /* NULL for a number that is none */
int hp_reason_from_code(const char *code);               /* "R06" or "r6" -> 6; 0 when unknown */

#endif
