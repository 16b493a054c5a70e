/* SPDX-License-Identifier: MIT */
/* soft: ports; no guard: included with SOFT_OP defined. */
SOFT_OP(IN, soft_op_in)
SOFT_OP(OUT, soft_op_out)
