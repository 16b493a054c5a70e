/* SPDX-License-Identifier: MIT */
/* soft: decimal adjustments; no guard: included with SOFT_OP defined. */
SOFT_OP(AAA, soft_op_aaa)
SOFT_OP(AAS, soft_op_aas)
SOFT_OP(AAM, soft_op_aam)
SOFT_OP(AAD, soft_op_aad)
SOFT_OP(DAA, soft_op_daa)
SOFT_OP(DAS, soft_op_das)
