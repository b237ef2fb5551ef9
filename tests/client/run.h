/* Tests of the client: running programs and reading what they print. */
#ifndef HP_TEST_RUN_H
#define HP_TEST_RUN_H

#include <stdbool.h>
#include <sys/types.h>

struct run {
    int status; /* exit status; 128 + signal */
    char *out;
    char *err;
};

/* Runs the client with these arguments (after "hotpatch"; NULL ends them) and `input` (NULL: none) on its
 * standard input, to its end. The caller frees with run_free. Fails the test if it cannot be started. */
struct run run_client(const char *input, ...);
void run_free(struct run *run);

/* The same in two steps, for what happens in between. */
struct child {
    pid_t pid;
    int in; /* our ends of the pipes */
    int out;
    int err;
};
struct child child_start(const char *program, char *const argv[]);
struct child child_client(char *const argv[]);
/* The client with a terminal of so many columns as its standard error. */
struct child child_on_terminal(char *const argv[], int columns);
struct run child_finish(struct child *child, const char *input);

/* A fake agent at `pattern` (%d: its pid), once it listens. agent_stop closes its input and waits for its
 * end; what it wrote to standard error is in *err if asked for (freed by the caller). */
struct child agent_start(const char *pattern, const char *mode);
void agent_stop(struct child *agent, char **err);

#endif
