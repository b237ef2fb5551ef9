/* hotpatch client: what a stream can show: colours, characters beyond ASCII, and whether it is a terminal. */
#ifndef HP_STYLE_H
#define HP_STYLE_H

#include <stdbool.h>

enum hp_colour { HP_PLAIN, HP_BOLD, HP_DIM, HP_RED, HP_GREEN, HP_YELLOW, HP_CYAN, HP_COLOUR_COUNT };

struct hp_style {
    bool terminal;
    bool colour;
    bool utf8;
};

/* Of a descriptor: colours on a terminal only, never with NO_COLOR set to anything or TERM=dumb; UTF-8 as the
 * locale says, so setlocale comes first. */
struct hp_style hp_style_of(int fd);

/* Escape sequences, "" without colours. */
const char *hp_style_on(struct hp_style style, enum hp_colour colour);
const char *hp_style_off(struct hp_style style, enum hp_colour colour);

/* Our own few signs, with an ASCII form each. */
const char *hp_style_ellipsis(struct hp_style style);
const char *hp_style_dash(struct hp_style style);

#endif
