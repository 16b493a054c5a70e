/* SPDX-License-Identifier: MIT */
/* soft: multiplication and division; no guard: included with SOFT_OP defined. */
SOFT_OP(MUL, soft_op_mul)
SOFT_OP(IMUL, soft_op_imul)
SOFT_OP(MULX, soft_op_mulx)
SOFT_OP(DIV, soft_op_div)
SOFT_OP(IDIV, soft_op_idiv)
