/* SPDX-License-Identifier: MIT */
/*
 * soft: the table of operations by mnemonic, made of the lists in ops_*.h: lines of
 * SOFT_OP(MNEMONIC, function) that are included twice, for the declarations and for the table.
 */
#include "soft_priv.h"

/* NOLINTBEGIN(bugprone-macro-parentheses): (fn) is a name that is declared, and one in a list */
#define SOFT_OP(name, fn) void fn(struct soft *s, const struct insn *i);
#include "ops_list.h"
#undef SOFT_OP

#define SOFT_OP(name, fn) [INSN_##name] = fn,
const soft_op soft_ops[INSN_OPS] = {
#include "ops_list.h"
};
#undef SOFT_OP
/* NOLINTEND(bugprone-macro-parentheses) */
