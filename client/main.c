/* hotpatch: the command. Everything else is in the library that the tests link too. */
#include <locale.h>
#include <malloc.h>
#include <signal.h>

#include "client/cmd.h"

int main(int argc, char *argv[])
{
    setlocale(LC_CTYPE, "");  /* what the terminal can show; numbers stay in the C locale */
    signal(SIGPIPE, SIG_IGN); /* a reader that went away is a write error, not a death */
#ifdef M_ARENA_MAX
    mallopt(M_ARENA_MAX, 1); /* nng's threads would each map a heap of their own, for a few hundred bytes */
#endif
    return hp_cmd_main(argc, argv);
}
