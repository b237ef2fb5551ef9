/* hotpatch: what this process is called. Any thread; no Lua. */
#ifndef HP_PROGRAM_H
#define HP_PROGRAM_H

#include <stddef.h>

#define HP_NAME_MAX 65

/* The name of the agent: as given, else HOTPATCH_NAME, else the script's (without folder and ".lua"), else
 * the program's. `given` and `script` may be NULL. Never empty, and without control characters. */
void hp_program_name(const char *given, const char *script, char out[HP_NAME_MAX]);

/* "lua5.4 server.lua": the command line, cut to `size`. */
void hp_program_line(char *out, size_t size);

#endif
