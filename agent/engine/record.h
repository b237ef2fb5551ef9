/* hotpatch engine: the record of one patch: for each place it wrote, what it put there and what stood there
 * before; for the log, what it was.
 *
 * The C side is a struct of its own arena. The Lua side is one table:
 *   strong  what a revert puts back: old plain values, tables, C functions; of old Lua closures their
 * successor; a holder of each written cell weak    the places (tables, userdata), their keys, what the patch
 * put, old Lua closures themselves, the modules hooks   the modules' __hotrevert So a record keeps alive what
 * a revert needs and nothing else: in particular neither old nor new closures.
 *
 * *Lineage*: a closure and its successors have one number, in a table with weak keys that the history owns.
 * What a patch put is recognised by it, also when a later patch replaced it and was reverted. Lua thread
 * only.
 */
#ifndef HP_RECORD_H
#define HP_RECORD_H

#include "agent/engine/journal.h"
#include "agent/engine/scratch.h"
#include "agent/engine/sources.h"
#include "agent/engine/values.h"

struct hp_record_write {
    enum hp_write_kind kind;
    int put_type;        /* LUA_T…: tells a nil that was put from an object that has died */
    int64_t put_lineage; /* 0: what was put is no Lua closure */
    bool old_is_closure; /* of Lua: `strong` has the successor, `weak` the closure itself */
    bool swap;           /* what was put is the successor of what stood there, wherever that is held */
    bool only_swap;      /* the place is none that a revert goes to by itself: the search finds it again */
    bool of_body;        /* what was put is made by the chunk's own body alone, which a patch never runs */
    uint32_t module;     /* in `modules` */
    const char *path;
};

struct hp_record_function {
    const char *path;
    uint32_t module;
    bool replaced;   /* else: it was new */
    int64_t line;    /* of the old one */
    const char *was; /* "battle.lua:12", the new one: what a revert replaces */
};

struct hp_record_module {
    const char *name;
    bool has_hotrevert;
    const char *irreversible; /* why a revert alone does not undo it, NULL if it does */
    uint32_t functions;
    bool pushed;                     /* the patch had a text for it … */
    struct hp_pushed_text *previous; /* … and this stood there before; the record's, NULL: nothing */
};

struct hp_record {
    struct hp_arena arena;
    struct hp_record *next; /* the one before */
    int64_t patch;
    bool reverted;
    int slot; /* of its Lua side, 1…; 0: it has none any more and cannot be reverted */
    const char *message, *who, *when;
    HP_LIST(struct hp_record_write) writes;
    HP_LIST(struct hp_record_function) functions;
    HP_LIST(struct hp_record_module) modules;
    char *logged; /* after hp_record_shrink: the block that modules and strings are in; hp_mem */
};

/* Where the record is made from, as stack indices of the frame that runs. */
struct hp_record_source {
    const struct hp_values *values;
    const struct hp_journal *journal;
    int journal_table;
    int side;    /* the record's Lua side */
    int lineage; /* table */
    int64_t *next_lineage;
    struct hp_scratch *scratch;
};

/* What the Lua side's table has where. */
enum hp_record_part { HP_RECORD_STRONG = 1, HP_RECORD_WEAK, HP_RECORD_HOOKS };

/* A record with the plan's modules and who sent it; strings are copied. The caller owns it. NULL: no memory.
 * It and its functions may be made before the server is stopped for the commit. */
struct hp_record *hp_record_new(const struct hp_plan *plan, const char *message, const char *who);

/* Adds a function of the plan, hooks apart. That memory ran out hp_record_fill says. [-0, +0, -] */
void hp_record_add_function(lua_State *L, struct hp_record *record, const struct hp_values *values,
                            uint32_t function);

/* The lineage of the closure on top, given one if it has none; `lineage` is the stack index of the table.
 * [-0, +0, m] */
int64_t hp_record_lineage(lua_State *L, int lineage, int64_t *next);

/* Pushes an empty Lua side with room for so many writes. False (nothing pushed): more than a table can hold.
 * [-0, +1, m] */
bool hp_record_push_side(lua_State *L, const struct hp_plan *plan, size_t writes);

/* Fills in the writes and the Lua side, once; somebody owns the record who frees it when this raises. HP_OK;
 * HP_NO_MEMORY; HP_UNSUPPORTED: the code of an old closure could not be loaded again. [-0, +0, m] */
enum hp_status hp_record_fill(lua_State *L, struct hp_record *record, const struct hp_record_source *source);

void hp_record_free(struct hp_record *record); /* NULL is fine */

/* Of a record that cannot be reverted any more, whose modules have no `previous`: keeps what the log says,
 * and gives the rest back. With no memory for that, all stays as it is. */
void hp_record_shrink(struct hp_record *record);

/* Pushes of a write, given the Lua side's stack index: [-0, +1, -] */
void hp_record_push_target(lua_State *L, int table,
                           size_t write); /* table or userdata; holder of a cell; nil: it has died */
void hp_record_push_key(lua_State *L, int table, size_t write);
void hp_record_push_put(lua_State *L, int table, size_t write);
void hp_record_push_old(lua_State *L, int table, size_t write); /* an old closure itself if it still lives */
void hp_record_push_module(lua_State *L, const struct hp_record *record, int table, uint32_t module);
void hp_record_push_hotrevert(lua_State *L, int table, uint32_t module);

#endif
