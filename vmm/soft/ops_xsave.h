/* SPDX-License-Identifier: MIT */
/* soft: FXSAVE and the XSAVE family; no guard: included with SOFT_OP defined. */
/* clang-format off */
SOFT_OP(FXSAVE, soft_op_fxsave)
SOFT_OP(FXSAVE64, soft_op_fxsave)
SOFT_OP(FXRSTOR, soft_op_fxrstor)
SOFT_OP(FXRSTOR64, soft_op_fxrstor)
SOFT_OP(XSAVE, soft_op_xsave)
SOFT_OP(XSAVE64, soft_op_xsave)
SOFT_OP(XSAVEOPT, soft_op_xsave)
SOFT_OP(XSAVEOPT64, soft_op_xsave)
SOFT_OP(XSAVEC, soft_op_xsavec)
SOFT_OP(XSAVEC64, soft_op_xsavec)
SOFT_OP(XSAVES, soft_op_xsavec)
SOFT_OP(XSAVES64, soft_op_xsavec)
SOFT_OP(XRSTOR, soft_op_xrstor)
SOFT_OP(XRSTOR64, soft_op_xrstor)
SOFT_OP(XRSTORS, soft_op_xrstor)
SOFT_OP(XRSTORS64, soft_op_xrstor)
/* clang-format on */
