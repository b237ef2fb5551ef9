/* One trial of the allocation sweep: a request while memory runs out at its n-th allocation, and everything
 * that must be true afterwards. It runs in a forked copy of the process, which it may leave in any state;
 * what is wrong goes to stderr with the place. */
#ifndef HP_STRESS_TRIAL_H
#define HP_STRESS_TRIAL_H

#include "faults.h"
#include "scene.h"

enum trial_way { TRIAL_ALONE, TRIAL_TWICE, TRIAL_FROM_THERE_ON, TRIAL_WAYS };
extern const char *const trial_way_words[];
extern const char *const trial_side_words[]; /* by enum faults_side */

struct trial_subject {
    const char *name;
    enum hp_kind kind;
    bool opening;
};

#define TRIAL_MAX_REPORT (1 << 20)

/* What the copies tell the first process, and the reference the others. */
struct trial_shared {
    long made[4]; /* by side */
    enum hp_status status;
    bool calls_server;
    size_t len;
    char report[TRIAL_MAX_REPORT];
    long ended[HP_STATUS_COUNT]; /* statuses under refusals */
    long cut;                    /* carried out, with a report that lacks something */
};
extern struct trial_shared *trial_shared; /* mapped by the first process */

struct trial {
    struct scene *scene;
    const struct trial_subject *subject;
    struct hp_request *request;
    int64_t generation, patches; /* before the request */
    struct picture *before;      /* the same moment */
    struct picture *start;       /* of a revert: before the push; without identities */
    int side;
    enum trial_way way;
};

/* In the first process: runs one trial in a copy. False: it failed, and said why. */
bool trial_in_copy(const struct trial *t, long n);
/* The same with memory enough: how many allocations there are, and what the answer is; once for each side,
 * before the others. */
bool trial_reference(const struct trial *t);

#endif
