#include "client/cmd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "client/package.h"
#include "client/present.h"
#include "client/source.h"
#include "proto/bundle.h"
#include "proto/minisign.h"

#define PASSWORD_MAX 1024

/* --- the key ---------------------------------------------------------------------------------- */

static void cut_line(char *text)
{
    text[strcspn(text, "\r\n")] = '\0';
}

static bool read_password_file(struct hp_cli *cli, char password[PASSWORD_MAX])
{
    FILE *file = fopen(cli->password_file, "re");
    bool ok = file != NULL && fgets(password, PASSWORD_MAX, file) != NULL;
    int error = errno;
    if (file != NULL)
        fclose(file);
    cut_line(password);
    return ok || hp_cli_fail(cli, HP_USAGE, NULL, "--password-file %s: %s", cli->password_file,
                             file != NULL ? "it is empty" : strerror(error));
}

/* From the terminal, unseen. */
static bool ask_password(struct hp_cli *cli, char password[PASSWORD_MAX])
{
    struct termios before, silent;
    int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (fd < 0 || tcgetattr(fd, &before) != 0) {
        if (fd >= 0)
            close(fd);
        return hp_cli_fail(cli, HP_USAGE, "--password-file FILE",
                           "the key %s has a password, and there is no terminal to ask for it",
                           cli->secret_key);
    }
    silent = before;
    silent.c_lflag &= ~(tcflag_t)ECHO;
    bool ok = tcsetattr(fd, TCSAFLUSH, &silent) == 0 && dprintf(fd, "Password of %s: ", cli->secret_key) > 0;
    ssize_t got = ok ? read(fd, password, PASSWORD_MAX - 1) : -1;
    tcsetattr(fd, TCSAFLUSH, &before);
    dprintf(fd, "\n");
    close(fd);
    password[got > 0 ? got : 0] = '\0';
    cut_line(password);
    return got > 0 || hp_cli_fail(cli, HP_USAGE, NULL, "no password was given");
}

static bool unlock(struct hp_cli *cli, struct hp_bytes text, struct hp_secret_key *key)
{
    char password[PASSWORD_MAX] = "";
    bool locked = hp_secret_key_is_locked(text.data, text.len);
    if (locked &&
        !(cli->password_file != NULL ? read_password_file(cli, password) : ask_password(cli, password)))
        return false;
    enum hp_secret_key_result result = hp_secret_key_read(text.data, text.len, locked ? password : NULL, key);
    explicit_bzero(password, sizeof password);
    switch (result) {
    case HP_SECRET_KEY_OK:
        return true;
    case HP_SECRET_KEY_PASSWORD:
        return hp_cli_fail(cli, HP_FAILED, NULL,
                           locked ? "wrong password, or %s is damaged" : "the key %s is damaged",
                           cli->secret_key);
    case HP_SECRET_KEY_NO_MEMORY:
        return hp_cli_fail(cli, HP_NO_MEMORY, NULL,
                           "unlocking %s takes more memory than there is (minisign's keys take 1 GB)",
                           cli->secret_key);
    default:
        return hp_cli_fail(cli, HP_USAGE, "minisign -G makes one", "%s is no secret key of minisign",
                           cli->secret_key);
    }
}

static bool read_key(struct hp_cli *cli, struct hp_secret_key *key)
{
    struct hp_bytes text;
    return hp_source_read(cli, cli->secret_key, &text) && unlock(cli, text, key);
}

/* --- the signature ---------------------------------------------------------------------------- */

/* What stands there already may be another's. */
static bool may_replace(struct hp_cli *cli, const char *file, const struct hp_secret_key *key)
{
    struct hp_bytes text;
    uint8_t number[8];
    if (access(file, F_OK) != 0)
        return true;
    if (!hp_source_read(cli, file, &text))
        return false;
    return (hp_signature_key(text.data, text.len, number) &&
            memcmp(number, key->number, sizeof number) == 0) ||
           hp_cli_fail(cli, HP_USAGE,
                       hp_arena_printf(&cli->arena,
                                       "hotpatch sign -k %s -o %s.2 …; hotpatch push --signature %s.2 …",
                                       cli->secret_key, file, file),
                       "%s is there and was not made with this key; give another name with -o", file);
}

static bool write_signature(struct hp_cli *cli, struct hp_bytes bundle, const struct hp_secret_key *key)
{
    char text[HP_MINISIGN_TEXT_MAX], id[HP_MINISIGN_ID_SIZE];
    const char *file = cli->args.items[0];
    const char *slash = strrchr(file, '/');
    const char *to = cli->output != NULL ? cli->output : hp_arena_printf(&cli->arena, "%s.minisig", file);
    const char *comment = hp_arena_printf(&cli->arena, "timestamp:%lld\tfile:%s\thashed",
                                          (long long)time(NULL), slash != NULL ? slash + 1 : file);
    if (!may_replace(cli, to, key))
        return false;
    if (!hp_signature_make(key, bundle.data, bundle.len, comment, text))
        return hp_cli_fail(cli, HP_FAILED, NULL, "the signature could not be made");
    if (!hp_package_write(cli, to, text, strlen(text), 0644))
        return false;
    hp_minisign_id(key->number, id);
    cli->report.output = hp_arena_printf(&cli->report.arena, "%s: signed by %s, in %s\n", file, id, to);
    return true;
}

static bool sign(struct hp_cli *cli)
{
    struct hp_secret_key key;
    struct hp_bytes bundle;
    if (cli->args.count != 1 || cli->secret_key == NULL)
        return hp_cli_fail(cli, HP_USAGE, "hotpatch sign -k KEY BUNDLE", "sign takes a key and one bundle");
    const char *file = cli->args.items[0];
    if (!hp_source_read(cli, file, &bundle))
        return false;
    if (!hp_bundle_is(bundle.data, bundle.len)) {
        return hp_cli_fail(cli, HP_USAGE, "hotpatch bundle -o fix.hotpatch MODULE=FILE...",
                           "%s is no bundle, and agents take signed bundles only", file);
    }
    struct hp_report_bundle *described;
    if (!hp_package_describe(cli, bundle, &described) || !read_key(cli, &key))
        return false;
    bool ok = write_signature(cli, bundle, &key);
    hp_secret_key_wipe(&key);
    cli->report.bundle = ok ? described : NULL;
    return ok;
}

/* What is signed is shown, so that it is seen. */
static void render(struct hp_text *page, const struct hp_report *report)
{
    if (report->bundle != NULL) {
        hp_package_render(page, report);
        hp_text_add(page, "\n");
        hp_text_safe_lines(page, report->output, 0);
    }
}

static int run(struct hp_cli *cli)
{
    if (sign(cli))
        cli->report.status = HP_OK;
    return hp_present(cli, render);
}

const struct hp_command hp_cmd_sign = {
    .name = "sign",
    .bit = HP_CMD_SIGN,
    .synopsis = "-k KEY [-o SIGNATURE] BUNDLE",
    .summary = "sign a bundle, as minisign does",
    .about = "Makes BUNDLE.minisig with a secret key of minisign, as `minisign -S` does, and\n"
             "shows what is in the bundle. A second person's signature goes into another file,\n"
             "named with -o, and push gets it with --signature.\n",
    .examples = "  minisign -G -s release.key -p release.pub\n"
                "  hotpatch sign -k release.key fix.hotpatch\n"
                "  hotpatch sign -k anna.key -o fix.anna.minisig fix.hotpatch\n",
    .run = run,
};
