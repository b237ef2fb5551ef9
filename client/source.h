/* hotpatch client: the source texts of a request: read, brought to the form that Lua's own loadfile sees, and
 * compiled once here, so that a syntax error never reaches a server.
 *
 * Texts live in the arena of the invocation. All functions return false with the error recorded in
 * cli->report. */
#ifndef HP_SOURCE_H
#define HP_SOURCE_H

#include "client/cli.h"

/* Reads FILE, or standard input for "-". A byte order mark is dropped and a first line that begins with # is
 * emptied (its newline stays, so that lines keep their numbers), as loadfile does. At most HP_MAX_MESSAGE
 * bytes. */
bool hp_source_read(struct hp_cli *cli, const char *file, struct hp_bytes *text);

/* The same on bytes that came from elsewhere (git). */
void hp_source_trim(struct hp_arena *arena, struct hp_bytes *text);

/* Compiles `text` and throws the result away. A syntax error is HP_LOAD_FAILED with file, line and source
 * line; a precompiled chunk is HP_REFUSED. `label` names it: "src/battle.lua". */
bool hp_source_check(struct hp_cli *cli, const char *label, struct hp_bytes text);

/* True if it compiles; records nothing. */
bool hp_source_compiles(struct hp_bytes text);

/* How a file is called in messages and chunk names: itself, or "stdin" for "-". */
const char *hp_source_label(const char *file);

#endif
