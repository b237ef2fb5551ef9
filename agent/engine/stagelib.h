/* hotpatch engine: the standard library in the stage. Live standard functions are known by their C pointer,
 * whatever they are called; each has a way to be treated. */
#ifndef HP_STAGELIB_H
#define HP_STAGELIB_H

#include <lua.h>
#include <stdbool.h>

enum hp_std_kind {
    HP_STD_EFFECT, /* as any foreign C function */
    HP_STD_NATIVE, /* the real one */
    HP_STD_PURE,   /* the real one, unless an argument is a placeholder: then the result is one too */
    HP_STD_PURE1,  /* likewise, by the first argument alone */
    HP_STD_CHANGE, /* changes its first argument: the real one on tables, an effect on a placeholder */
    HP_STD_EMULATED,
};

struct hp_std {
    const char *name; /* "string.format", "print" */
    lua_CFunction real;
    enum hp_std_kind kind;
    lua_CFunction emulated;
    const char *guess; /* type of the result, for placeholders */
};

/* Lists the functions of the standard libraries that luaL_openlibs has put into L. [-0, +0, e] */
void hp_stagelib_open(lua_State *L);

/* The standard function of that C pointer, NULL if it is none. */
const struct hp_std *hp_stagelib_find(lua_State *L, lua_CFunction f);

/* Pushes the stage's version of a function that is not HP_STD_EFFECT. [-0, +1, e] */
void hp_stagelib_push(lua_State *L, const struct hp_std *std);

/* Of the running function, made by hp_stagelib_push. */
const struct hp_std *hp_stagelib_self(lua_State *L);
/* The callee goes below the arguments of the running function, then hp_effect_record or hp_effect_pure. */
int hp_stagelib_effect(lua_State *L);
int hp_stagelib_placeholder(lua_State *L);

/* The emulations, by name: of the basic functions (and what is akin to them), and of the other libraries.
 * NULL: none of that name. */
lua_CFunction hp_stagebase_find(const char *name);
lua_CFunction hp_stagelibs_find(const char *name);
/* `require`: stagereq.c. */
int hp_stage_require(lua_State *L);

/* Would an error raised now be caught by the body, with `pcall` or `xpcall`? What a function on trial catches
 * itself does not count. [-0, +0, e] */
bool hp_stagebase_catches(lua_State *L);

/* An iterator triple that ends at once; a warning was added. */
int hp_stagebase_no_turns(lua_State *L);

#endif
