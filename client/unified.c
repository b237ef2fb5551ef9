#include "client/unified.h"

#include <inttypes.h>
#include <string.h>

#include "proto/arena.h"

#define CONTEXT   3
#define MAX_EDITS 1000 /* beyond, the texts have nothing in common that is worth the search */

struct side {
    HP_LIST(struct hp_bytes) lines; /* without their ends */
    bool *edited;                   /* old: is deleted; new: is inserted */
    int64_t line;
};

struct comparison {
    struct hp_arena arena;
    struct side old, now;
    size_t head; /* lines that both begin with */
    int n, m;    /* lines between those that both begin and end with */
    int **trace; /* how far each diagonal got with d edits: trace[d][k + d] */
};

static void split(struct hp_arena *a, const struct hp_unified_side *from, struct side *to)
{
    const char *at = from->text.data;
    const char *end = at + from->text.len;
    while (from->text.len > 0 && at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *stop = newline != NULL ? newline : end;
        struct hp_bytes *line = HP_PUSH(a, &to->lines);
        if (line != NULL)
            *line = (struct hp_bytes){at, (size_t)(stop - at)};
        at = newline != NULL ? newline + 1 : end;
    }
    to->edited = hp_arena_alloc(a, to->lines.count + 1);
    to->line = from->line;
}

static bool same(const struct comparison *c, size_t i, size_t j)
{
    const struct hp_bytes *a = &c->old.lines.items[i];
    const struct hp_bytes *b = &c->now.lines.items[j];
    return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

static void trim(struct comparison *c)
{
    size_t n = c->old.lines.count;
    size_t m = c->now.lines.count;
    while (c->head < n && c->head < m && same(c, c->head, c->head))
        c->head++;
    while (n > c->head && m > c->head && same(c, n - 1, m - 1)) {
        n--;
        m--;
    }
    c->n = (int)(n - c->head);
    c->m = (int)(m - c->head);
}

/* --- Myers: An O(ND) Difference Algorithm, 1986 ----------------------------------------------- */

/* Is the way to diagonal k with d edits one line down (an insertion) from k + 1, not one to the right from k
 * - 1? */
static bool is_down(const struct comparison *c, int d, int k)
{
    const int *before = c->trace[d - 1] + (d - 1);
    return k == -d || (k != d && before[k - 1] < before[k + 1]);
}

static int furthest(const struct comparison *c, int d, int k)
{
    int x = 0;
    if (d > 0) {
        const int *before = c->trace[d - 1] + (d - 1);
        x = is_down(c, d, k) ? before[k + 1] : before[k - 1] + 1;
    }
    while (x < c->n && x - k < c->m && same(c, c->head + (size_t)x, c->head + (size_t)(x - k)))
        x++;
    return x;
}

/* The number of edits from old to new; -1: too many, or no memory. */
static int search(struct comparison *c)
{
    c->trace = hp_arena_alloc(&c->arena, (MAX_EDITS + 1) * sizeof *c->trace);
    for (int d = 0; d <= MAX_EDITS && c->trace != NULL; d++) {
        c->trace[d] = hp_arena_alloc(&c->arena, (size_t)(2 * d + 1) * sizeof **c->trace);
        if (c->trace[d] == NULL)
            return -1;
        for (int k = -d; k <= d; k += 2) {
            int x = furthest(c, d, k);
            c->trace[d][k + d] = x;
            if (x >= c->n && x - k >= c->m)
                return d;
        }
    }
    return -1;
}

/* Goes back from the end, marking lines. */
static void mark(struct comparison *c, int d)
{
    int x = c->n;
    int y = c->m;
    for (; d > 0; d--) {
        int k = x - y;
        bool down = is_down(c, d, k);
        int from = down ? k + 1 : k - 1;
        x = c->trace[d - 1][from + (d - 1)];
        y = x - from;
        if (down)
            c->now.edited[c->head + (size_t)y] = true;
        else
            c->old.edited[c->head + (size_t)x] = true;
    }
}

static void mark_all(struct comparison *c)
{
    memset(c->old.edited + c->head, true, (size_t)c->n);
    memset(c->now.edited + c->head, true, (size_t)c->m);
}

/* --- hunks ------------------------------------------------------------------------------------ */

static bool is_edit(const struct comparison *c, size_t i, size_t j)
{
    return (i < c->old.lines.count && c->old.edited[i]) || (j < c->now.lines.count && c->now.edited[j]);
}

static bool is_end(const struct comparison *c, size_t i, size_t j)
{
    return i >= c->old.lines.count && j >= c->now.lines.count;
}

/* Past one run of edits. */
static void skip_edits(const struct comparison *c, size_t *i, size_t *j)
{
    while (*i < c->old.lines.count && c->old.edited[*i])
        (*i)++;
    while (*j < c->now.lines.count && c->now.edited[*j])
        (*j)++;
}

static void add_line(struct hp_text *page, const char *sign, const struct hp_bytes *line)
{
    hp_text_add(page, sign);
    hp_text_addn(page, line->data, line->len);
    hp_text_add(page, "\n");
}

/* The lines from (i, j) to (i2, j2). */
static void add_lines(struct hp_text *page, const struct comparison *c, size_t i, size_t j, size_t i2,
                      size_t j2)
{
    while (i < i2 || j < j2) {
        if (i < i2 && c->old.edited[i]) {
            add_line(page, "-", &c->old.lines.items[i++]);
        } else if (j < j2 && c->now.edited[j]) {
            add_line(page, "+", &c->now.lines.items[j++]);
        } else {
            add_line(page, " ", &c->old.lines.items[i++]);
            j++;
        }
    }
}

/* "5,4"; of no lines the number of the line before them, as diff has it. */
static void add_range(struct hp_text *page, const char *sign, const struct side *side, size_t from, size_t to)
{
    int64_t line = side->line + (int64_t)from - (from == to ? 1 : 0);
    hp_text_printf(page, "%s%" PRId64 ",%zu", sign, line > 0 ? line : 0, to - from);
}

static void add_hunk(struct hp_text *page, const struct comparison *c, const char *name, size_t i, size_t j,
                     size_t i2, size_t j2)
{
    hp_text_add(page, "@@ ");
    add_range(page, "-", &c->old, i, i2);
    hp_text_add(page, " ");
    add_range(page, "+", &c->now, j, j2);
    hp_text_printf(page, " @@ %s\n", name);
    add_lines(page, c, i, j, i2, j2);
}

/* How far the hunk goes whose first edit is at (i, j): up to where the lines that are the same are too many
 * to be the context of two runs of edits. */
static void find_end(const struct comparison *c, size_t *i, size_t *j)
{
    for (;;) {
        skip_edits(c, i, j);
        size_t equal = 0;
        while (!is_end(c, *i + equal, *j + equal) && !is_edit(c, *i + equal, *j + equal))
            equal++;
        bool last = is_end(c, *i + equal, *j + equal);
        if (last || equal > 2 * (size_t)CONTEXT) {
            equal = equal < CONTEXT ? equal : CONTEXT;
            *i += equal;
            *j += equal;
            return;
        }
        *i += equal;
        *j += equal;
    }
}

static void add_hunks(struct hp_text *page, const struct comparison *c, const char *name)
{
    size_t i = 0;
    size_t j = 0;
    while (!is_end(c, i, j)) {
        if (!is_edit(c, i, j)) {
            i++;
            j++;
            continue;
        }
        size_t before = i < CONTEXT ? i : CONTEXT;
        before = before < j ? before : j;
        size_t i2 = i;
        size_t j2 = j;
        find_end(c, &i2, &j2);
        add_hunk(page, c, name, i - before, j - before, i2, j2);
        i = i2;
        j = j2;
    }
}

bool hp_unified(struct hp_text *page, struct hp_unified_side old, struct hp_unified_side now,
                const char *name)
{
    struct comparison c = {0};
    hp_arena_init(&c.arena);
    split(&c.arena, &old, &c.old);
    split(&c.arena, &now, &c.now);
    if (!hp_arena_failed(&c.arena)) {
        trim(&c);
        int edits = search(&c);
        if (edits >= 0)
            mark(&c, edits);
        else
            mark_all(&c);
        add_hunks(page, &c, name);
    }
    bool ok = !hp_arena_failed(&c.arena) && !page->failed;
    hp_arena_fini(&c.arena);
    return ok;
}
