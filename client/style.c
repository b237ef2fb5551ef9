#include "client/style.h"

#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct hp_style hp_style_of(int fd)
{
    const char *no_color = getenv("NO_COLOR");
    const char *term = getenv("TERM");
    struct hp_style style = {0};
    style.terminal = isatty(fd) == 1;
    bool wanted = (no_color == NULL || *no_color == '\0') && term != NULL && strcmp(term, "dumb") != 0;
    style.colour = style.terminal && wanted;
    style.utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    return style;
}

const char *hp_style_on(struct hp_style style, enum hp_colour colour)
{
    static const char *const codes[HP_COLOUR_COUNT] = {
        [HP_PLAIN] = "",         [HP_BOLD] = "\033[1m",    [HP_DIM] = "\033[2m",   [HP_RED] = "\033[31m",
        [HP_GREEN] = "\033[32m", [HP_YELLOW] = "\033[33m", [HP_CYAN] = "\033[36m",
    };
    return style.colour ? codes[colour] : "";
}

const char *hp_style_off(struct hp_style style, enum hp_colour colour)
{
    return style.colour && colour != HP_PLAIN ? "\033[0m" : "";
}

const char *hp_style_ellipsis(struct hp_style style)
{
    return style.utf8 ? "\xe2\x80\xa6" : "...";
}

const char *hp_style_dash(struct hp_style style)
{
    return style.utf8 ? "\xe2\x80\x93" : "-";
}
