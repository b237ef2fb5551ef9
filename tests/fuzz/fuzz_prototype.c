/* libFuzzer over the dump: any bytes are refused or read whole, and what was read can be asked everything and
 * written again (what is written is read again as the same code). Seeds: dumps of real functions
 * (make_dumps.lua). */
#include <stdint.h>
#include <stdlib.h>

#include "agent/engine/prototype.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(const struct hp_prototype_tree *tree)
{
    for (uint32_t id = 0; id < tree->prototypes.count; id++) {
        const struct hp_prototype *p = &tree->prototypes.items[id];
        for (uint32_t i = 0; i < p->upvalues.count; i++) {
            struct hp_variable v;
            if (hp_prototype_variable(tree, id, i, &v) && v.owner != HP_NO_PROTOTYPE &&
                hp_prototype_local(tree, v.owner, v.number) == NULL)
                abort();
        }
        if (!hp_prototype_equal(tree, id, tree, id) || !hp_prototype_equal_unnamed(tree, id, tree, id))
            abort();
    }
}

/* Written and read again: number 0 has become number 1, within the wrapper. */
static void write_again(const struct hp_prototype_tree *tree)
{
    char *data;
    size_t len;
    struct hp_prototype_tree again;
    if (hp_prototype_encode(tree, 0, &data, &len) != HP_OK)
        abort();
    enum hp_status status = hp_prototypes_parse(&again, data, len);
    hp_mem_free(data);
    /* A function nested as deep as can be is one too deep in the wrapper. */
    if (status == HP_OK && !hp_prototype_equal(tree, 0, &again, 1))
        abort();
    hp_prototypes_fini(&again);
    if (hp_prototypes_encode_tagged(tree, 0, &data, &len) == HP_OK)
        hp_mem_free(data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hp_prototype_tree tree;
    if (hp_prototypes_parse(&tree, data, size) == HP_OK) {
        ask(&tree);
        write_again(&tree);
    }
    hp_prototypes_fini(&tree);
    return 0;
}
