/* Lua texts to patch with: the old and new text of each folder of tests/cases, and edits of them that bytes
 * choose.
 *
 * An edit deletes, repeats, moves or replaces a line or a word, or takes one of any other text; one after
 * which the text no longer compiles is undone. So nearly all mutants get past the compiler, and still do what
 * nobody wrote. */
#ifndef HP_PATCH_CORPUS_H
#define HP_PATCH_CORPUS_H

#include <lua.h>
#include <stddef.h>
#include <stdint.h>

struct corpus_case {
    char *name, *old, *fresh; /* texts with a NUL at the end */
};

/* Reads FOLDER/NAME/{old,new}.lua of all names, in their order. Ends the program, with a sentence, if there
 * are none. */
void corpus_load(const char *folder);
size_t corpus_count(void);
const struct corpus_case *corpus_case(size_t i);

/* The text, edited as the bytes say; for free(). `L` compiles, and runs nothing. */
char *corpus_mutate(lua_State *L, const char *text, const uint8_t *data, size_t size);

#endif
